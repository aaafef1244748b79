import type {
  ApiKey,
  AuditEntry,
  KeyRequest,
  NewKey,
  Tenant,
  TenantRequest,
  TenantUsage,
} from "@latentfarm/contract";

/** Who acts, for the audit log: `key:<id>`, `cli:<user>` or `open`. */
export type Actor = string;

/** A caller that showed a live key. */
export interface Caller {
  readonly key: ApiKey;
  readonly tenant: Tenant;
}

/** A page of a list that is read newest first. */
export interface PageOptions {
  readonly limit: number;
  /** Where the page before ended; absent for the first. */
  readonly cursor?: string | undefined;
}

/** Keys, tenants, rates and the audit log. Keys are kept as digests: a key is shown when it is made and never again. */
export interface Access {
  /** @throws {FarmError} queue_unavailable */
  createKey(request: KeyRequest, actor: Actor): Promise<NewKey>;
  /** Every key that was made, revoked ones too, oldest first. */
  listKeys(): Promise<ApiKey[]>;
  /** Undefined when there is no such key; revoking twice is once. Takes effect everywhere within `KEY_CACHE_MS`. */
  revokeKey(id: string, actor: Actor): Promise<ApiKey | undefined>;
  /** Who a key belongs to; undefined for one that is malformed, unknown or revoked. */
  authenticate(key: string): Promise<Caller | undefined>;
  /** True once a first key was made, also when it is revoked by now: a farm does not open again by itself. */
  hasKeys(): Promise<boolean>;
  /**
   * Counts a request of a key with a rate.
   * @throws {FarmError} rate_limited, with `retry_after_seconds` and `limit` in its details
   */
  countRequest(key: ApiKey): Promise<void>;
  /** A tenant that was never set has weight 1 and no limits. */
  getTenant(name: string): Promise<Tenant>;
  setTenant(name: string, request: TenantRequest, actor: Actor): Promise<Tenant>;
  /** Every tenant that was set or has a key, by name. */
  listTenants(): Promise<(Tenant & { readonly usage: TenantUsage })[]>;
  /** The audit log, newest first. */
  readAudit(
    page: PageOptions,
  ): Promise<{ readonly entries: AuditEntry[]; readonly next_cursor: string | null }>;
}
