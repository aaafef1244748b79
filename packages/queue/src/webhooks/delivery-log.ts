import {
  type Delivery,
  type DeliveryAttempt,
  deliveryAttemptSchema,
  deliverySchema,
  FarmError,
  type JobId,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { PageOptions } from "../access/access.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { REDELIVER } from "./delivery-scripts.js";
import { attemptsKey, deliveryKey, deliveryLogKey, jobLogKey } from "./webhook-keys.js";
import { PENDING_DELIVERIES_MAX } from "./webhook-limits.js";
import type { DeliveryPage, DeliveryQuery } from "./webhook-store.js";

/** The fields that a list shows: not the body, which is most of a delivery's bytes. */
const SHOWN = [
  "id",
  "n",
  "job",
  "tenant",
  "endpoint",
  "url",
  "type",
  "sequence",
  "status",
  "dead_reason",
  "created_ms",
  "delivered_ms",
  "next_ms",
  "attempts",
] as const;

type Shown = Readonly<Partial<Record<(typeof SHOWN)[number], string>>>;

/** Seconds: a receiver that answers makes room at once, one that does not is left alone for up to ten minutes. */
const FULL_RETRY_SECONDS = 60;

/** A cursor is the number of the last delivery of the page before. */
const CURSOR = /^[0-9]{1,15}$/;

/**
 * The deliveries of a job, newest first.
 * @throws {FarmError} invalid_request the cursor is none; queue_unavailable
 */
export function jobDeliveries(redis: Redis, id: JobId, page: PageOptions): Promise<DeliveryPage> {
  return readPage(redis, jobLogKey(id), page);
}

/**
 * The deliveries of a tenant, newest first.
 * @throws {FarmError} invalid_request the cursor is none; queue_unavailable
 */
export function listDeliveries(redis: Redis, tenant: string, query: DeliveryQuery): Promise<DeliveryPage> {
  return readPage(redis, deliveryLogKey(tenant, query.status), query);
}

/**
 * Begins a new schedule of a delivery, which its caller then hands to BullMQ. Undefined when the tenant has no such one.
 * @throws {FarmError} nothing_to_retry its endpoint is disabled or deleted; quota_exceeded the tenant has too many pending;
 * queue_unavailable
 */
export async function redeliver(redis: Redis, tenant: string, id: string): Promise<Delivery | undefined> {
  const call = { keys: [deliveryKey(id)], args: [id, tenant] };
  const [outcome, reason] = await runScript(redis, REDELIVER, call);
  if (outcome === "gone") return undefined;
  if (outcome === "disabled") {
    const cause =
      reason === "unknown"
        ? "was deleted: a job that names its address makes it anew"
        : `is disabled (${reason}): enable the endpoint first`;
    throw new FarmError("nothing_to_retry", `Cannot send ${id} again as its endpoint ${cause}`);
  }
  if (outcome === "full") {
    throw new FarmError(
      "quota_exceeded",
      `Cannot send ${id} again as ${tenant} has ${PENDING_DELIVERIES_MAX} pending deliveries (limit webhook_pending_max)`,
      { details: { limit: "webhook_pending_max", retry_after_seconds: FULL_RETRY_SECONDS } },
    );
  }
  return (await readDelivery(redis, id))?.delivery;
}

async function readPage(redis: Redis, key: string, { limit, cursor }: PageOptions): Promise<DeliveryPage> {
  if (cursor !== undefined && !CURSOR.test(cursor)) {
    const errors = [{ path: "query.cursor", message: "must be the next_cursor of a page" }];
    throw new FarmError("invalid_request", "Cannot list the deliveries as the cursor is malformed", {
      details: { errors },
    });
  }
  const found: NumberedDelivery[] = [];
  let from = cursor === undefined ? "+inf" : `(${cursor}`;
  while (found.length <= limit) {
    const read = () => redis.zrevrangebyscore(key, from, "-inf", "WITHSCORES", "LIMIT", 0, limit + 1);
    const pairs = await bounded("list the deliveries", read);
    if (pairs.length === 0) break;
    const ids = pairs.filter((_, i) => i % 2 === 0);
    from = `(${pairs.at(-1)}`;
    const deliveries = await Promise.all(ids.map((id) => readDelivery(redis, id)));
    await forgetExpired(
      redis,
      key,
      ids.filter((_, i) => deliveries[i] === undefined),
    );
    found.push(...deliveries.filter((delivery) => delivery !== undefined));
  }
  const shown = found.slice(0, limit);
  return {
    deliveries: shown.map(({ delivery }) => delivery),
    next_cursor: found.length > limit ? (shown.at(-1)?.number ?? null) : null,
  };
}

/** Records expire by themselves, their places in lists do not. */
async function forgetExpired(redis: Redis, key: string, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await bounded("forget deliveries", () => redis.zrem(key, ...ids));
}

interface NumberedDelivery {
  readonly number: string;
  readonly delivery: Delivery;
}

async function readDelivery(redis: Redis, id: string): Promise<NumberedDelivery | undefined> {
  const [values, attempts] = await bounded("read the delivery", () =>
    Promise.all([redis.hmget(deliveryKey(id), ...SHOWN), redis.lrange(attemptsKey(id), 0, -1)]),
  );
  const fields: Shown = Object.fromEntries(SHOWN.map((name, i) => [name, values[i] ?? undefined]));
  if (fields.n === undefined) return undefined;
  return { number: fields.n, delivery: decodeDelivery(fields, attempts.map(decodeAttempt)) };
}

/** A delivery out of its fields and its attempts, newest first. */
export function decodeDelivery(fields: Shown, attempts: readonly DeliveryAttempt[]): Delivery {
  return deliverySchema.parse({
    id: fields.id,
    job_id: fields.job,
    endpoint: fields.endpoint,
    url: fields.url,
    type: fields.type,
    sequence: Number(fields.sequence),
    status: fields.status,
    dead_reason: fields.dead_reason ?? null,
    created_at: timeOf(fields.created_ms),
    delivered_at: timeOf(fields.delivered_ms),
    next_attempt_at: fields.status === "pending" ? timeOf(fields.next_ms) : null,
    attempts_made: Number(fields.attempts),
    attempts,
  } satisfies Record<keyof Delivery, unknown>);
}

function decodeAttempt(text: string): DeliveryAttempt {
  return deliveryAttemptSchema.parse(JSON.parse(text));
}

function timeOf(ms: string | undefined): string | null {
  return ms === undefined ? null : new Date(Number(ms)).toISOString();
}
