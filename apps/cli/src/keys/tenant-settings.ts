import { parseWith, type TenantLimits, type TenantRequest, tenantRequestSchema } from "@latentfarm/contract";

/** What a call says of the tenant: an absent option leaves things as they are, `none` takes a limit away. */
export interface TenantOptions {
  readonly weight?: number;
  readonly queuedCost?: number | "none";
  readonly concurrent?: number | "none";
  readonly running?: number | "none";
}

/** True when a call says anything of the tenant. */
export function namesTenantSettings(options: TenantOptions): boolean {
  const { weight, queuedCost, concurrent, running } = options;
  return [weight, queuedCost, concurrent, running].some((value) => value !== undefined);
}

/**
 * The tenant's settings with those of the call in their place.
 * @throws {FarmError} invalid_request
 */
export function mergeTenantSettings(
  present: { readonly weight: number; readonly limits: TenantLimits },
  options: TenantOptions,
): TenantRequest {
  const { weight = present.weight, queuedCost, concurrent, running } = options;
  const wanted = {
    queued_cost_max: queuedCost,
    concurrent_frames_max: concurrent,
    running_frames_max: running,
  };
  const given = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const merged: Readonly<Record<string, unknown>> = { ...present.limits, ...Object.fromEntries(given) };
  const limits = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== "none"));
  return parseWith(tenantRequestSchema, { weight, limits }, "the tenant's settings");
}
