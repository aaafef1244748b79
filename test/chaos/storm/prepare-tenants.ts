import { connectQueue } from "@latentfarm/queue";
import { TENANTS } from "./plan.js";
import type { Receiver } from "./receiver.js";
import type { StormFarm } from "./storm-farm.js";

/** A tenant of a storm. */
export interface StormTenant {
  readonly headers: Readonly<Record<string, string>>;
  readonly webhookUrl: string;
}

/** Each tenant weighs twice the one before. */
const WEIGHT_FACTOR = 2;
const ACTOR = "cli:storm";

/** Makes the tenants with a key each, and tells the receiver what their webhooks are signed with. */
export async function prepareTenants(farm: StormFarm, receiver: Receiver): Promise<StormTenant[]> {
  await using queue = await connectQueue({ redisUrl: farm.redis.url });
  const tenants: StormTenant[] = [];
  for (let at = 0; at < TENANTS; at++) {
    const tenant = `storm-${at}`;
    const webhookUrl = receiver.urlOf(tenant);
    await queue.access.setTenant(tenant, { weight: WEIGHT_FACTOR ** at, limits: {} }, ACTOR);
    const request = {
      tenant,
      name: "",
      scopes: ["submit" as const, "read" as const],
      requests_per_minute: null,
    };
    const { key } = await queue.access.createKey(request, ACTOR);
    const { id } = await queue.webhooks.ensureEndpoint(tenant, webhookUrl);
    const secret = await queue.webhooks.readSecret(tenant, id);
    if (secret === undefined) throw new Error(`Cannot verify webhooks: ${tenant} has no secret`);
    receiver.trust(tenant, secret);
    tenants.push({ headers: { authorization: `Bearer ${key}` }, webhookUrl });
  }
  return tenants;
}
