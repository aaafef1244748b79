import { TENANT_DEFAULT, type Tenant } from "@latentfarm/contract";
import type { Access } from "@latentfarm/queue";
import { OPEN_CACHE_MS } from "../limits.js";
import { createShortCache } from "../short-cache.js";

/** Whether the farm still has no keys. */
export interface OpenFarm {
  /** Whose every call is while the farm has no keys; undefined once the first was made, and from then on for ever. */
  tenant(): Promise<Tenant | undefined>;
  /** Says that a key was made here, before the next look would tell. */
  close(): void;
}

/** Looks at most every OPEN_CACHE_MS whether the first key has been made. */
export function createOpenFarm(access: Pick<Access, "hasKeys" | "getTenant">, nowMs: () => number): OpenFarm {
  let closed = false;
  const load = async (): Promise<Tenant | undefined> =>
    (await access.hasKeys()) ? undefined : access.getTenant(TENANT_DEFAULT);
  const cache = createShortCache({ load, ageMsMax: OPEN_CACHE_MS, nowMs });
  return {
    async tenant() {
      const tenant = closed ? undefined : await cache.get();
      closed ||= tenant === undefined;
      return closed ? undefined : tenant;
    },
    close() {
      closed = true;
    },
  };
}
