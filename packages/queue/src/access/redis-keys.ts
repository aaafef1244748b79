import { PREFIX } from "../keys.js";

/** API keys by id, as JSON with the secret's digest; a key stays here when it is revoked. */
export const KEYS_KEY = `${PREFIX}:keys`;

/** When a key was revoked, by id. */
export const KEYS_REVOKED_KEY = `${PREFIX}:keys:revoked`;

/** Another text after each change of a key or a tenant, so that a process sees by one small read that all is as it was. */
export const ACCESS_VERSION_KEY = `${PREFIX}:access:version`;

/** The names of the tenants that were set or have a key. */
export const TENANTS_KEY = `${PREFIX}:tenants`;

/** The audit log. */
export const AUDIT_KEY = `${PREFIX}:audit`;

/** What the keys' request counters begin with. */
export const RATE_PREFIX = `${PREFIX}:rate`;
