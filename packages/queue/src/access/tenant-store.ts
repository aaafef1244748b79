import {
  FarmError,
  type Tenant,
  type TenantRequest,
  type TenantUsage,
  tenantSchema,
} from "@latentfarm/contract";
import { costOfUnits } from "../jobs/job-record.js";
import { tenantKey, usageKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import type { Actor } from "./access.js";
import type { AccessContext } from "./access-context.js";
import { auditText } from "./audit-log.js";
import { TENANTS_MAX, TENANTS_PAGE } from "./limits.js";
import { ACCESS_VERSION_KEY, AUDIT_KEY, TENANTS_KEY } from "./redis-keys.js";
import { SET_TENANT } from "./scripts.js";

/** The names of a tenant's limits, which are also the fields of its hash. */
const LIMIT_FIELDS = ["queued_cost_max", "concurrent_frames_max", "running_frames_max"] as const;

/** The refusal of one more tenant. */
export function tenantsFull(): FarmError {
  return new FarmError(
    "invalid_request",
    `Cannot add the tenant as none may be added: tenants is ${TENANTS_MAX} (limit tenants_max)`,
  );
}

/** A tenant's settings; one that was never set has weight 1 and no limits. */
export async function readTenant({ redis }: Pick<AccessContext, "redis">, name: string): Promise<Tenant> {
  const fields = await bounded("read a tenant", () => redis.hgetall(tenantKey(name)));
  return toTenant(name, fields);
}

/**
 * Sets a tenant, in the place of what was set before.
 * @throws {FarmError} invalid_request there are as many tenants as there may be; queue_unavailable
 */
export async function setTenant(
  context: AccessContext,
  wanted: TenantRequest & { readonly name: string },
  actor: Actor,
): Promise<Tenant> {
  const { name, weight, limits } = wanted;
  const at = new Date(context.nowMs()).toISOString();
  const details = { weight, limits };
  const entry = { at, actor, action: "tenant.set", target: `tenant:${name}`, details } as const;
  const fields = LIMIT_FIELDS.flatMap((field) => (limits[field] === undefined ? [] : [field, limits[field]]));
  const [outcome] = await runScript(context.redis, SET_TENANT, {
    keys: [tenantKey(name), TENANTS_KEY, ACCESS_VERSION_KEY, AUDIT_KEY],
    args: [name, context.newVersion(), auditText(entry), "weight", weight, ...fields],
  });
  if (outcome === "tenants_full") throw tenantsFull();
  return { name, weight, limits };
}

/** Every tenant that was set or has a key, by name, with what is open of it. */
export async function listTenants({
  redis,
}: Pick<AccessContext, "redis">): Promise<(Tenant & { readonly usage: TenantUsage })[]> {
  const names = (await bounded("list the tenants", () => redis.smembers(TENANTS_KEY))).sort();
  const tenants: (Tenant & { readonly usage: TenantUsage })[] = [];
  for (let first = 0; first < names.length; first += TENANTS_PAGE) {
    const page = names.slice(first, first + TENANTS_PAGE).map(async (name) => {
      const [fields, usage] = await Promise.all([
        redis.hgetall(tenantKey(name)),
        redis.hgetall(usageKey(name)),
      ]);
      return { ...toTenant(name, fields), usage: toUsage(usage) };
    });
    tenants.push(...(await bounded("list the tenants", () => Promise.all(page))));
  }
  return tenants;
}

type Fields = Readonly<Record<string, string>>;

function toTenant(name: string, fields: Fields): Tenant {
  const limits = LIMIT_FIELDS.flatMap((field) => {
    const value = fields[field];
    return value === undefined ? [] : [[field, Number(value)]];
  });
  const weight = Number(fields.weight ?? 1);
  return tenantSchema.parse({ name, weight, limits: Object.fromEntries(limits) });
}

function toUsage(fields: Fields): TenantUsage {
  return {
    queued_cost: costOfUnits(Number(fields.cost ?? 0)),
    concurrent_frames: Number(fields.frames ?? 0),
    running_frames: Number(fields.running ?? 0),
  };
}
