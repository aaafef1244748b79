import { z } from "zod";
import { LIMITS } from "./limits.js";
import { tenantNameSchema } from "./tenant.js";

/** What a key allows: `submit` jobs (cancel and retry too), `read` them, `admin`: keys, tenants and the audit log. */
export const SCOPES = ["submit", "read", "admin"] as const;

/** What a key allows. */
export type Scope = (typeof SCOPES)[number];

/** The form of an API key: `lf_`, the public id of 12 characters, `_`, and 40 characters of secret. */
const API_KEY = /^lf_([0-9A-HJKMNP-TV-Z]{12})_([0-9A-HJKMNP-TV-Z]{40})$/;

/** The public id of an API key, by which it is listed and revoked. */
export const apiKeyIdSchema = z.string().regex(/^[0-9A-HJKMNP-TV-Z]{12}$/, "must be a key's id");

/** The two parts of an API key; undefined when the text has another form. */
export function parseApiKey(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = API_KEY.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

const rateSchema = z
  .int("must be a whole number")
  .min(
    LIMITS.rate_per_minute_min,
    `must be at least ${LIMITS.rate_per_minute_min} (limit rate_per_minute_min)`,
  )
  .max(
    LIMITS.rate_per_minute_max,
    `must be at most ${LIMITS.rate_per_minute_max} (limit rate_per_minute_max)`,
  );

/** A key as it is listed: never its secret. */
export const apiKeySchema = z.object({
  id: apiKeyIdSchema,
  tenant: tenantNameSchema,
  /** What a person calls it. */
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  /** Requests a minute; null is unlimited. */
  requests_per_minute: z.int().nullable(),
  created_at: z.string(),
  revoked_at: z.string().nullable(),
});

/** A key as it is listed. */
export type ApiKey = z.infer<typeof apiKeySchema>;

/** The body of `POST /v1/admin/keys`. */
export const keyRequestSchema = z.strictObject(
  {
    tenant: tenantNameSchema,
    name: z
      .string("must be a string")
      .max(
        LIMITS.key_name_chars_max,
        `must be at most ${LIMITS.key_name_chars_max} characters (limit key_name_chars_max)`,
      )
      .default(""),
    scopes: z
      .array(z.enum(SCOPES, `must be one of ${SCOPES.join(", ")}`), "must be a list")
      .min(1, "must have at least 1 entry")
      .refine((scopes) => new Set(scopes).size === scopes.length, "must name each scope once")
      .default(["submit", "read"]),
    /** Null for none. */
    requests_per_minute: rateSchema.nullable().default(LIMITS.rate_per_minute_default),
  },
  "must be an object",
);

/** What a new key is made of. */
export type KeyRequest = z.infer<typeof keyRequestSchema>;

/** The answer to `POST /v1/admin/keys`: the only time that the key itself is shown. */
export const newKeySchema = apiKeySchema.extend({ key: z.string() });

/** A key that was just made. */
export type NewKey = z.infer<typeof newKeySchema>;

/** The body of `GET /v1/admin/keys`. */
export const keyListSchema = z.object({ keys: z.array(apiKeySchema) });

/** One line of the audit log: who did what to whom, and never a secret. */
export const auditEntrySchema = z.object({
  id: z.string(),
  at: z.string(),
  /** `key:<id>`, `cli:<user>` or `open` (a farm that has no keys). */
  actor: z.string(),
  action: z.enum([
    "key.create",
    "key.revoke",
    "tenant.set",
    "endpoint.rotate",
    "endpoint.enable",
    "endpoint.delete",
  ]),
  /** What was acted upon, such as `key:<id>`. */
  target: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** One line of the audit log. */
export type AuditEntry = z.infer<typeof auditEntrySchema>;

/** The body of `GET /v1/admin/audit`, newest first. */
export const auditListSchema = z.object({
  entries: z.array(auditEntrySchema),
  next_cursor: z.string().nullable(),
});
