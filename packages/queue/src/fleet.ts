import { type ModelInfo, modelInfoSchema, type WorkerInfo, workerInfoSchema } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { MODELS_KEY, WORKERS_KEY, workerKey } from "./keys.js";
import { MODEL_KEPT_MS, WORKER_KEPT_MS } from "./limits.js";
import { bounded } from "./redis-errors.js";

/**
 * Writes a worker's heartbeat, which Redis forgets after `WORKER_KEPT_MS`, and makes its model known.
 * @throws {FarmError} queue_unavailable
 */
export async function announceWorker(redis: Redis, info: WorkerInfo): Promise<void> {
  const model = JSON.stringify({ seen_at: info.seen_at, info: info.model });
  await bounded("announce the worker", () =>
    redis
      .multi()
      .sadd(WORKERS_KEY, info.id)
      .set(workerKey(info.id), JSON.stringify(info), "PX", WORKER_KEPT_MS)
      .hset(MODELS_KEY, info.model.name, model)
      .exec(),
  );
}

/**
 * Forgets a worker that leaves; its model stays known.
 * @throws {FarmError} queue_unavailable
 */
export async function retireWorker(redis: Redis, id: string): Promise<void> {
  await bounded("retire the worker", () => redis.multi().srem(WORKERS_KEY, id).del(workerKey(id)).exec());
}

/**
 * The workers with a fresh heartbeat, by id.
 * @throws {FarmError} queue_unavailable
 */
export async function readWorkers(redis: Redis): Promise<WorkerInfo[]> {
  const ids = (await bounded("list the workers", () => redis.smembers(WORKERS_KEY))).sort();
  if (ids.length === 0) return [];
  const texts = await bounded("read the workers", () => redis.mget(ids.map(workerKey)));
  const silent = ids.filter((_, i) => !texts[i]);
  if (silent.length > 0) await bounded("forget silent workers", () => redis.srem(WORKERS_KEY, silent));
  return texts.flatMap((text) => (text ? [workerInfoSchema.parse(JSON.parse(text))] : []));
}

/**
 * The models announced within `MODEL_KEPT_MS`, by name.
 * @throws {FarmError} queue_unavailable
 */
export async function readModels(redis: Redis, nowMs: number): Promise<ModelInfo[]> {
  const entries = await bounded("read the models", () => redis.hgetall(MODELS_KEY));
  const models = Object.values(entries).flatMap((text) => {
    const { seen_at: seenAt, info } = JSON.parse(text);
    return nowMs - Date.parse(seenAt) <= MODEL_KEPT_MS ? [modelInfoSchema.parse(info)] : [];
  });
  return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}
