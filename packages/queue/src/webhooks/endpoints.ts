import { createHash } from "node:crypto";
import { type Endpoint, endpointSchema, FarmError, invariant } from "@latentfarm/contract";
import { createWebhookSecret } from "@latentfarm/webhooks";
import type { Redis } from "ioredis";
import type { Actor } from "../access/access.js";
import { auditText } from "../access/audit-log.js";
import { AUDIT_KEY } from "../access/redis-keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { DELETE_ENDPOINT, ENABLE_ENDPOINT, ENSURE_ENDPOINT, ROTATE_SECRET } from "./endpoint-scripts.js";
import { deletedEndpointKey, endpointKey, endpointsKey, LINES_KEY, leaseKeys } from "./webhook-keys.js";
import { ENDPOINTS_MAX } from "./webhook-limits.js";

type Fields = Readonly<Record<string, string>>;

const MS_PER_SECOND = 1_000;
/** Hexadecimal characters of an endpoint's id: 104 bits of a digest. */
const ID_CHARS = 26;
/** A quota that only its user can make room in: an hour is as good as any time to ask again. */
const RETRY_AFTER_SECONDS = 3_600;

/**
 * An endpoint's address: the URL without its query and fragment, in which clients put ids and tokens. The query is sent,
 * and is not what an endpoint is known by.
 */
export function endpointAddress(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** The id of a tenant's endpoint: a digest, so that it is found by its address and tells nothing of it. */
export function endpointId(tenant: string, url: string): string {
  const digest = createHash("sha256")
    .update(`${tenant}\n${endpointAddress(url)}`)
    .digest("hex");
  return `ep_${digest.slice(0, ID_CHARS)}`;
}

/**
 * The endpoint of a tenant's address, made the first time.
 * @throws {FarmError} quota_exceeded the tenant has too many; queue_unavailable
 */
export async function ensureEndpoint(redis: Redis, tenant: string, url: string): Promise<Endpoint> {
  const id = endpointId(tenant, url);
  const [outcome, ...pairs] = await runScript(redis, ENSURE_ENDPOINT, {
    keys: [endpointKey(id), endpointsKey(tenant), deletedEndpointKey(id)],
    args: [id, tenant, endpointAddress(url), createWebhookSecret()],
  });
  if (outcome === "full") {
    throw new FarmError(
      "quota_exceeded",
      `Cannot add a webhook address as ${tenant} has ${ENDPOINTS_MAX} (limit webhook_endpoints_max): delete one, and put ids into its query`,
      { details: { limit: "webhook_endpoints_max", retry_after_seconds: RETRY_AFTER_SECONDS } },
    );
  }
  return decodeEndpoint(fieldsOf(pairs), Date.now());
}

/**
 * A tenant's endpoints, oldest first.
 * @throws {FarmError} queue_unavailable
 */
export async function listEndpoints(redis: Redis, tenant: string): Promise<Endpoint[]> {
  const ids = await bounded("list the endpoints", () => redis.zrange(endpointsKey(tenant), "0", "-1"));
  const found = await Promise.all(ids.map((id) => getEndpoint(redis, tenant, id)));
  return found
    .filter((endpoint) => endpoint !== undefined)
    .sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
}

/** @throws {FarmError} queue_unavailable */
export async function getEndpoint(redis: Redis, tenant: string, id: string): Promise<Endpoint | undefined> {
  const fields = await bounded("read the endpoint", () => redis.hgetall(endpointKey(id)));
  return fields.tenant === tenant ? decodeEndpoint(fields, Date.now()) : undefined;
}

/** @throws {FarmError} queue_unavailable */
export async function readSecret(redis: Redis, tenant: string, id: string): Promise<string | undefined> {
  const read = () => redis.hmget(endpointKey(id), "tenant", "secret");
  const [owner, secret] = await bounded("read the secret", read);
  return owner === tenant && secret ? secret : undefined;
}

/** An endpoint that somebody changes. */
export interface EndpointChange {
  readonly tenant: string;
  readonly id: string;
  readonly actor: Actor;
}

/** @throws {FarmError} queue_unavailable */
export async function rotateSecret(
  redis: Redis,
  change: EndpointChange,
  overlapSeconds: number,
): Promise<(Endpoint & { readonly secret: string }) | undefined> {
  const secret = createWebhookSecret();
  const entry = auditEntry(change, "endpoint.rotate", { overlap_seconds: overlapSeconds });
  const [outcome, ...pairs] = await runScript(redis, ROTATE_SECRET, {
    keys: [endpointKey(change.id), AUDIT_KEY],
    args: [change.tenant, secret, Math.round(overlapSeconds * MS_PER_SECOND), entry],
  });
  return outcome === "gone" ? undefined : { ...decodeEndpoint(fieldsOf(pairs), Date.now()), secret };
}

/** @throws {FarmError} queue_unavailable */
export async function enableEndpoint(redis: Redis, change: EndpointChange): Promise<Endpoint | undefined> {
  const { tenant, id } = change;
  const [outcome, ...pairs] = await runScript(redis, ENABLE_ENDPOINT, {
    keys: [endpointKey(id), LINES_KEY, AUDIT_KEY],
    args: [tenant, id, auditEntry(change, "endpoint.enable", {})],
  });
  return outcome === "gone" ? undefined : decodeEndpoint(fieldsOf(pairs), Date.now());
}

/**
 * Forgets an endpoint with its secret. True also when that was done within the last day; false when the tenant has no such
 * one.
 * @throws {FarmError} queue_unavailable
 */
export async function deleteEndpoint(redis: Redis, change: EndpointChange): Promise<boolean> {
  const { tenant, id } = change;
  const [leases] = leaseKeys(id, tenant);
  const [outcome] = await runScript(redis, DELETE_ENDPOINT, {
    keys: [endpointKey(id), endpointsKey(tenant), deletedEndpointKey(id), leases, LINES_KEY, AUDIT_KEY],
    args: [tenant, id, auditEntry(change, "endpoint.delete", {})],
  });
  return outcome !== "gone";
}

function auditEntry(
  { tenant, id, actor }: EndpointChange,
  action: "endpoint.rotate" | "endpoint.enable" | "endpoint.delete",
  settings: Readonly<Record<string, unknown>>,
): string {
  const at = new Date().toISOString();
  return auditText({ at, actor, action, target: `endpoint:${id}`, details: { tenant, ...settings } });
}

/** An endpoint out of its fields; what has passed by `nowMs` is not shown. */
export function decodeEndpoint(fields: Fields, nowMs: number): Endpoint {
  const until = (ms: string | undefined) =>
    ms !== undefined && Number(ms) > nowMs ? new Date(Number(ms)).toISOString() : null;
  return endpointSchema.parse({
    id: fields.id,
    tenant: fields.tenant,
    url: fields.url,
    created_at: new Date(Number(fields.created_ms)).toISOString(),
    last_used_at: new Date(Number(fields.used_ms ?? fields.created_ms)).toISOString(),
    disabled: fields.disabled ?? null,
    paused_until: until(fields.paused_until_ms),
    previous_secret_until: until(fields.previous_until_ms),
  } satisfies Record<keyof Endpoint, unknown>);
}

function fieldsOf(pairs: readonly string[]): Fields {
  invariant(pairs.length % 2 === 0, "a hash comes as names and values");
  const names = pairs.filter((_, i) => i % 2 === 0);
  return Object.fromEntries(names.map((name, i) => [name, pairs[2 * i + 1] ?? ""]));
}
