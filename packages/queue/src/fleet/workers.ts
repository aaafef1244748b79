import { modelInfoSchema, type ServedModel, type WorkerInfo, workerInfoSchema } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import {
  MODELS_KEY,
  MODELS_SEEN_KEY,
  modelOfQueue,
  queueModel,
  SLOTS_KEY,
  STORE_KEY,
  WORKERS_KEY,
  workerKey,
} from "../keys.js";
import { MODEL_KEPT_MS } from "../limits.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { ANNOUNCE, RETIRE, STRENGTHS } from "../scripts/fleet.js";

/** How a worker's strength says that no rate is known. */
const NO_RATE = "-";

/**
 * Writes a worker's heartbeat, which Redis forgets after `WORKER_KEPT_MS`, and makes its model known.
 * @throws {FarmError} queue_unavailable
 */
export async function announceWorker(redis: Redis, info: WorkerInfo): Promise<void> {
  const model = JSON.stringify({ seen_at: info.seen_at, info: info.model });
  await runScript(redis, ANNOUNCE, {
    keys: [WORKERS_KEY, workerKey(info.id), MODELS_KEY, MODELS_SEEN_KEY, STORE_KEY, SLOTS_KEY],
    args: [
      info.id,
      JSON.stringify(info),
      info.model.name,
      model,
      queueModel(info.model.name),
      info.health === "well" ? info.concurrency : 0,
      info.rate ?? NO_RATE,
    ],
  });
}

/**
 * Forgets a worker that leaves; its model stays known.
 * @throws {FarmError} queue_unavailable
 */
export async function retireWorker(redis: Redis, id: string): Promise<void> {
  await runScript(redis, RETIRE, { keys: [WORKERS_KEY, workerKey(id), SLOTS_KEY], args: [id] });
}

/**
 * The workers with a fresh heartbeat, by id.
 * @throws {FarmError} queue_unavailable
 */
export async function readWorkers(redis: Redis): Promise<WorkerInfo[]> {
  const ids = (
    await bounded("list the workers", () => redis.zrangebyscore(WORKERS_KEY, "-inf", "+inf"))
  ).sort();
  if (ids.length === 0) return [];
  const texts = await bounded("read the workers", () => redis.mget(ids.map(workerKey)));
  return texts.flatMap((text) => (text ? [workerInfoSchema.parse(JSON.parse(text))] : []));
}

/** What estimates need of a worker. */
export interface WorkerStrength {
  readonly model: string;
  /** Frames that it takes at once. */
  readonly slots: number;
  /** Megapixel-steps a second; null before its first frame. */
  readonly rate: number | null;
}

/**
 * What the live workers can do, sick ones left out: a thousand of them are read in a millisecond, where their heartbeats
 * would take a hundred.
 * @throws {FarmError} queue_unavailable
 */
export async function readStrengths(redis: Redis): Promise<WorkerStrength[]> {
  const [, ...texts] = await runScript(redis, STRENGTHS, { keys: [WORKERS_KEY, SLOTS_KEY], args: [] });
  return texts.map((text) => {
    const [model = "", slots, rate] = text.split(" ");
    return { model: modelOfQueue(model), slots: Number(slots), rate: rate === NO_RATE ? null : Number(rate) };
  });
}

/**
 * The models announced within `MODEL_KEPT_MS`, by name, with how many live workers serve each.
 * @throws {FarmError} queue_unavailable
 */
export async function readModels(redis: Redis, nowMs: number): Promise<ServedModel[]> {
  const entries = await bounded("read the models", () => redis.hgetall(MODELS_KEY));
  const live = (await readStrengths(redis)).map(({ model }) => model);
  const models = Object.values(entries).flatMap((text) => {
    const { seen_at: seenAt, info } = JSON.parse(text);
    if (nowMs - Date.parse(seenAt) > MODEL_KEPT_MS) return [];
    const model = modelInfoSchema.parse(info);
    return [{ ...model, workers: live.filter((name) => name === model.name).length }];
  });
  return models.sort((a, b) => (a.name < b.name ? -1 : 1));
}
