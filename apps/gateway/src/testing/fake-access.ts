import {
  type ApiKey,
  type AuditEntry,
  FarmError,
  type NewKey,
  type Tenant,
  type TenantUsage,
} from "@latentfarm/contract";
import type { Access } from "@latentfarm/queue";

/** Keys and tenants in memory. */
export interface FakeAccess extends Access {
  /** Requests that were counted so far, by the key's id. */
  readonly counted: ReadonlyMap<string, number>;
}

/** What fake keys and tenants stand on. */
export interface FakeAccessOptions {
  /** Called before each answer; waits or throws while the farm is not well. */
  readonly feel: () => Promise<void>;
  readonly usageOf: (tenant: string) => TenantUsage;
}

const TIMESTAMP = "2026-01-01T00:00:00.000Z";
/** What a refusal tells to wait: some part of a minute. */
const RETRY_AFTER_SECONDS = 7;

interface AccessState {
  readonly keys: NewKey[];
  readonly tenants: Map<string, Tenant>;
  readonly audit: AuditEntry[];
  readonly counted: Map<string, number>;
}

/** Makes the keys and tenants of a farm that has none. */
export function createFakeAccess({ feel, usageOf }: FakeAccessOptions): FakeAccess {
  const state: AccessState = { keys: [], tenants: new Map(), audit: [], counted: new Map() };
  const tenantOf = (name: string): Tenant => state.tenants.get(name) ?? { name, weight: 1, limits: {} };
  return {
    counted: state.counted,
    ...createFakeKeys(state, { feel, tenantOf }),
    async getTenant(name) {
      await feel();
      return tenantOf(name);
    },
    async setTenant(name, request, actor) {
      await feel();
      const tenant = { name, ...request };
      state.tenants.set(name, tenant);
      note(state, { actor, action: "tenant.set", target: `tenant:${name}`, details: { ...request } });
      return tenant;
    },
    async listTenants() {
      await feel();
      const names = new Set([...state.tenants.keys(), ...state.keys.map(({ tenant }) => tenant)]);
      return [...names].sort().map((name) => ({ ...tenantOf(name), usage: usageOf(name) }));
    },
    async readAudit({ limit, cursor }) {
      await feel();
      const from = Number(cursor ?? 0);
      const entries = state.audit.toReversed().slice(from, from + limit);
      const end = from + entries.length;
      return { entries, next_cursor: end < state.audit.length ? String(end) : null };
    },
  };
}

type Keys = Pick<
  Access,
  "createKey" | "listKeys" | "revokeKey" | "authenticate" | "hasKeys" | "countRequest"
>;

function createFakeKeys(
  state: AccessState,
  { feel, tenantOf }: Pick<FakeAccessOptions, "feel"> & { readonly tenantOf: (name: string) => Tenant },
): Keys {
  return {
    async createKey(request, actor) {
      await feel();
      const id = String(state.keys.length + 1).padStart(12, "0");
      const made = { ...request, id, created_at: TIMESTAMP, revoked_at: null };
      const key: NewKey = { ...made, key: `lf_${id}_${"S".repeat(40)}` };
      state.keys.push(key);
      note(state, { actor, action: "key.create", target: `key:${id}`, details: { tenant: request.tenant } });
      return key;
    },
    async listKeys() {
      await feel();
      return state.keys.map(withoutSecret);
    },
    async revokeKey(id, actor) {
      await feel();
      const at = state.keys.findIndex((key) => key.id === id);
      const key = state.keys[at];
      if (key === undefined) return undefined;
      if (key.revoked_at !== null) return withoutSecret(key);
      const revoked = { ...key, revoked_at: TIMESTAMP };
      state.keys[at] = revoked;
      note(state, { actor, action: "key.revoke", target: `key:${id}`, details: {} });
      return withoutSecret(revoked);
    },
    async authenticate(text) {
      await feel();
      const key = state.keys.find((known) => known.key === text && known.revoked_at === null);
      return key && { key: withoutSecret(key), tenant: tenantOf(key.tenant) };
    },
    async hasKeys() {
      await feel();
      return state.keys.length > 0;
    },
    async countRequest(key) {
      await feel();
      const count = (state.counted.get(key.id) ?? 0) + 1;
      state.counted.set(key.id, count);
      if (key.requests_per_minute === null || count <= key.requests_per_minute) return;
      const details = { limit: "requests_per_minute", retry_after_seconds: RETRY_AFTER_SECONDS };
      throw new FarmError("rate_limited", "Cannot serve the request as its key asks too often", { details });
    },
  };
}

function withoutSecret({ key: _key, ...shown }: NewKey): ApiKey {
  return shown;
}

function note(state: AccessState, entry: Omit<AuditEntry, "id" | "at">): void {
  state.audit.push({ id: String(state.audit.length + 1), at: TIMESTAMP, ...entry });
}
