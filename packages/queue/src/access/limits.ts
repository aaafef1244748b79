/**
 * Milliseconds that a process goes by what it knows of keys and tenants before it asks Redis whether that still holds:
 * a revoked key is refused everywhere within this time, and a request costs no round trip meanwhile.
 */
export const KEY_CACHE_MS = 3_000;

/**
 * Milliseconds between looks for keys that a process does not know. A key that was just made elsewhere is found within
 * this time, and whoever sends made-up keys, however many, costs Redis ten small reads a second.
 */
export const UNKNOWN_KEY_CHECK_MS = 100;

/** Keys that the farm keeps: some 4 MB, which each process holds. Past it a new one takes the place of one revoked. */
export const KEYS_MAX = 10_000;

/** Tenants that the farm keeps: as many as there can be keys. */
export const TENANTS_MAX = 10_000;

/** Entries of the audit log, some 3 MB; the oldest go first. */
export const AUDIT_ENTRIES_MAX = 10_000;

/** Seconds of a key's rate: it is told as requests a minute. */
export const RATE_WINDOW_SECONDS = 60;

/** Different rates that a process counts at once: farms have a handful, and each takes a few hundred bytes. */
export const RATES_MAX = 1_000;

/** Tenants that are read in one go; each is two hashes of a few fields. */
export const TENANTS_PAGE = 500;
