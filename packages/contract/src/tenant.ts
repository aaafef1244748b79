import { z } from "zod";
import { LIMITS } from "./limits.js";

/** A tenant's name: it stands in Redis keys, metrics and logs. */
const TENANT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** The tenant of a farm that has no API keys, and of every job that was taken in before there were any. */
export const TENANT_DEFAULT = "default";

/** The name of a tenant: whose jobs, limits and share of the farm are one. */
export const tenantNameSchema = z
  .string("must be a string")
  .regex(
    TENANT_NAME,
    "must be 1..63 lower-case letters, digits, '_' and '-', and begin with a letter or digit",
  );

const wholeLimit = (max: number, name: string) =>
  z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .max(max, `must be at most ${max} (limit ${name})`);

/**
 * What a tenant may have at once; an absent one is unlimited. A submit past `queued_cost_max` or
 * `concurrent_frames_max` is refused with 429; past `running_frames_max` frames wait, though the farm be idle.
 */
export const tenantLimitsSchema = z.strictObject({
  /** Megapixel-steps of all unfinished frames together. */
  queued_cost_max: z
    .number("must be a number")
    .positive("must be above 0")
    .max(LIMITS.tenant_cost_max)
    .optional(),
  /** Unfinished frames, those that run included. */
  concurrent_frames_max: wholeLimit(LIMITS.tenant_frames_max, "tenant_frames_max").optional(),
  /** Frames that are with workers at once. */
  running_frames_max: wholeLimit(LIMITS.tenant_frames_max, "tenant_frames_max").optional(),
});

/** What a tenant may have at once. */
export type TenantLimits = z.infer<typeof tenantLimitsSchema>;

/** The name of a quota, as a refusal prints it. */
export type TenantLimitName = keyof TenantLimits;

/** A tenant's share of a busy farm beside the others', in proportion. */
export const weightSchema = z
  .number("must be a number")
  .min(LIMITS.weight_min, `must be at least ${LIMITS.weight_min} (limit weight_min)`)
  .max(LIMITS.weight_max, `must be at most ${LIMITS.weight_max} (limit weight_max)`);

/** A tenant as the farm keeps it. */
export const tenantSchema = z.object({
  name: tenantNameSchema,
  weight: weightSchema,
  limits: tenantLimitsSchema,
});

/** A tenant as the farm keeps it. */
export type Tenant = z.infer<typeof tenantSchema>;

/** The body of `PUT /v1/admin/tenants/{name}`: what it leaves out becomes the default, weight 1 and no limit. */
export const tenantRequestSchema = z.strictObject({
  weight: weightSchema.default(1),
  limits: tenantLimitsSchema.default({}),
});

/** The settings of a tenant, as an administrator gives them. */
export type TenantRequest = z.infer<typeof tenantRequestSchema>;

/** What is open of a tenant now. */
export const tenantUsageSchema = z.object({
  /** Megapixel-steps of all unfinished frames. */
  queued_cost: z.number(),
  /** Unfinished frames, those that run included. */
  concurrent_frames: z.int(),
  /** Frames that run. */
  running_frames: z.int(),
});

/** What is open of a tenant now. */
export type TenantUsage = z.infer<typeof tenantUsageSchema>;

/** The body of `GET /v1/admin/tenants`. */
export const tenantListSchema = z.object({
  tenants: z.array(tenantSchema.extend({ usage: tenantUsageSchema })),
});
