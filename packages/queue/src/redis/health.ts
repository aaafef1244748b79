import type { Redis } from "ioredis";
import type { QueueHealth } from "../farm.js";
import { OUTBOX_KEY } from "../webhooks/webhook-keys.js";
import { bounded } from "./errors.js";
import { fieldOf, readInfo } from "./policy.js";

/**
 * Asks Redis how it is. PING goes first and alone, so that its time is Redis's and not that of an answer before it.
 * @throws {FarmError} queue_unavailable
 */
export async function readHealth(redis: Redis): Promise<QueueHealth> {
  const startMs = performance.now();
  await bounded("ping the queue", () => redis.ping());
  const pingMs = performance.now() - startMs;
  const [info, outboxEvents] = await Promise.all([
    readInfo(redis),
    bounded("count the outbox", () => redis.zcard(OUTBOX_KEY)),
  ]);
  const bytes = (name: string) => Number(fieldOf(info, name) ?? 0);
  return {
    pingMs,
    memoryBytes: bytes("used_memory"),
    memoryBytesMax: bytes("maxmemory"),
    isEvictionOff: (fieldOf(info, "maxmemory_policy") ?? "noeviction") === "noeviction",
    isAppendOnly: fieldOf(info, "aof_enabled") === "1",
    outboxEvents,
  };
}
