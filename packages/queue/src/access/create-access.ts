import { type ApiKey, parseApiKey } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { bounded } from "../redis/errors.js";
import type { Access } from "./access.js";
import type { AccessContext } from "./access-context.js";
import { readAudit } from "./audit-log.js";
import { KeyDirectory } from "./key-directory.js";
import { matchesDigest, type RandomBytes } from "./key-secret.js";
import { createKey, readKeys, revokeKey } from "./key-store.js";
import { ACCESS_VERSION_KEY } from "./redis-keys.js";
import { RequestRates } from "./request-rates.js";
import { listTenants, readTenant, setTenant } from "./tenant-store.js";

/** Bytes of a version: two changes never draw the same 128 bits. */
const VERSION_BYTES = 16;

/** What access stands on. */
export interface AccessOptions {
  readonly redis: Redis;
  readonly log: QueueLog;
  /** Milliseconds since 1970, for what is written down. */
  readonly nowMs: () => number;
  /** Milliseconds that only grow, for what is remembered. */
  readonly elapsedMs: () => number;
  readonly random: RandomBytes;
}

/** Keys, tenants, rates and the audit log over one Redis. */
export function createAccess(options: AccessOptions): Access {
  const { redis } = options;
  const context: AccessContext = {
    ...options,
    newVersion: () => Buffer.from(options.random(VERSION_BYTES)).toString("hex"),
  };
  const rates = new RequestRates(redis);
  const directory = new KeyDirectory(
    {
      readVersion: () => bounded("read the keys' version", () => redis.get(ACCESS_VERSION_KEY)),
      readKeys: (before) => readKeys(context, before),
      readTenant: (name) => readTenant(context, name),
    },
    options.elapsedMs,
  );
  /** What this process changes it knows at once, also when the answer got lost and the change may stand. */
  const change = <T>(call: () => Promise<T>): Promise<T> => call().finally(() => directory.expire());
  return {
    createKey: (request, actor) => change(() => createKey(context, request, actor)),
    listKeys: async () => [...(await readKeys(context)).keys.values()].map(({ key }) => key).sort(byAge),
    revokeKey: (id, actor) => change(() => revokeKey(context, id, actor)),
    async authenticate(text) {
      const parts = parseApiKey(text);
      const stored = parts && (await directory.find(parts.id));
      if (!parts || !stored || stored.key.revoked_at !== null) return undefined;
      if (!matchesDigest(parts.secret, stored.digest)) return undefined;
      return { key: stored.key, tenant: await directory.tenant(stored.key.tenant) };
    },
    hasKeys: () => directory.hasKeys(),
    countRequest: (key) => rates.count(key),
    getTenant: (name) => directory.tenant(name),
    setTenant: (name, request, actor) => change(() => setTenant(context, { ...request, name }, actor)),
    listTenants: () => listTenants(context),
    readAudit: (page) => readAudit(redis, page),
  };
}

function byAge(a: ApiKey, b: ApiKey): number {
  return a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id);
}
