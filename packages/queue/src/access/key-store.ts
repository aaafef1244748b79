import {
  type ApiKey,
  apiKeySchema,
  FarmError,
  invariant,
  type KeyRequest,
  type NewKey,
} from "@latentfarm/contract";
import type { QueueLog } from "../farm.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import type { Actor } from "./access.js";
import type { AccessContext } from "./access-context.js";
import { auditText } from "./audit-log.js";
import type { KeySnapshot, StoredKey } from "./key-directory.js";
import { makeKey } from "./key-secret.js";
import { KEYS_MAX } from "./limits.js";
import { ACCESS_VERSION_KEY, AUDIT_KEY, KEYS_KEY, KEYS_REVOKED_KEY, TENANTS_KEY } from "./redis-keys.js";
import { CREATE_KEY, REVOKE_KEY } from "./scripts.js";
import { tenantsFull } from "./tenant-store.js";

/** A SHA-256 in hex. */
const DIGEST = /^[0-9a-f]{64}$/;
const recordSchema = apiKeySchema.omit({ revoked_at: true });

/**
 * Makes a key. Its secret leaves with the answer; what stays is the digest.
 * @throws {FarmError} invalid_request there are as many keys or tenants as there may be; queue_unavailable
 */
export async function createKey(context: AccessContext, request: KeyRequest, actor: Actor): Promise<NewKey> {
  const { id, key, digest } = makeKey(context.random);
  const at = new Date(context.nowMs()).toISOString();
  const { tenant, name, scopes, requests_per_minute } = request;
  const settings = { tenant, name, scopes, requests_per_minute };
  const entry = { at, actor, action: "key.create", target: `key:${id}`, details: settings } as const;
  const record = JSON.stringify({ id, ...settings, created_at: at, digest });
  const [outcome] = await runScript(context.redis, CREATE_KEY, {
    keys: [KEYS_KEY, KEYS_REVOKED_KEY, TENANTS_KEY, ACCESS_VERSION_KEY, AUDIT_KEY],
    args: [id, record, tenant, context.newVersion(), auditText(entry)],
  });
  if (outcome === "tenants_full") throw tenantsFull();
  if (outcome === "keys_full") {
    throw new FarmError(
      "invalid_request",
      `Cannot make a key as none may be added: live keys is ${KEYS_MAX} (limit keys_max); revoke one first`,
    );
  }
  invariant(outcome === "created", "60 random bits make an id that no key has");
  return { id, ...settings, created_at: at, revoked_at: null, key };
}

/**
 * Revokes a key; the first time stands.
 * @throws {FarmError} queue_unavailable
 */
export async function revokeKey(
  context: AccessContext,
  id: string,
  actor: Actor,
): Promise<ApiKey | undefined> {
  const stored = (await readKeys(context)).keys.get(id);
  if (stored === undefined) return undefined;
  const at = new Date(context.nowMs()).toISOString();
  const details = { tenant: stored.key.tenant };
  const entry = { at, actor, action: "key.revoke", target: `key:${id}`, details } as const;
  const [outcome, revokedAt] = await runScript(context.redis, REVOKE_KEY, {
    keys: [KEYS_KEY, KEYS_REVOKED_KEY, ACCESS_VERSION_KEY, AUDIT_KEY],
    args: [id, at, context.newVersion(), auditText(entry)],
  });
  if (outcome === "missing" || revokedAt === undefined) return undefined;
  return { ...stored.key, revoked_at: revokedAt };
}

/**
 * Every key, as Redis has them now. A record that this version cannot read is a key that opens nothing. Those that are
 * as before are taken over: parsing 10,000 of them takes 70 ms on two busy cores, at each change of one.
 */
export async function readKeys(
  { redis, log }: Pick<AccessContext, "redis" | "log">,
  before?: KeySnapshot,
): Promise<KeySnapshot> {
  const [version, records, revoked] = await bounded("read the keys", async () => {
    // One transaction, so that the version is that of the keys.
    const answers = await redis
      .multi()
      .get(ACCESS_VERSION_KEY)
      .hgetall(KEYS_KEY)
      .hgetall(KEYS_REVOKED_KEY)
      .exec();
    return (answers ?? []).map(([error, value]) => {
      if (error !== null) throw error;
      return value;
    });
  });
  const revokedAt = new Map(entriesOf(revoked));
  const keys = new Map<string, StoredKey>();
  for (const [id, text] of entriesOf(records)) {
    const at = revokedAt.get(id) ?? null;
    const known = before?.keys.get(id);
    const same = known?.record === text && known.key.revoked_at === at;
    const stored = same ? known : parseRecord(text, at, log);
    if (stored !== undefined) keys.set(id, stored);
  }
  return { version: typeof version === "string" ? version : null, keys };
}

function entriesOf(hash: unknown): [string, string][] {
  return Object.entries(hash ?? {}).map(([field, value]) => [field, String(value)]);
}

function parseRecord(text: string, revokedAt: string | null, log: QueueLog): StoredKey | undefined {
  const record = parseJson(text);
  const parsed = recordSchema.safeParse(record);
  const digest = typeof record === "object" && record !== null && "digest" in record ? record.digest : "";
  if (!parsed.success || typeof digest !== "string" || !DIGEST.test(digest)) {
    log.warn({ field: parsed.error?.issues[0]?.path.join(".") ?? "digest" }, "key record is unreadable");
    return undefined;
  }
  return { key: { ...parsed.data, revoked_at: revokedAt }, digest, record: text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
