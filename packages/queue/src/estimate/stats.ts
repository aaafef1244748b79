import { COUNTERS, type ModelStats, type Stats, statsSchema, type Tenant } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { readModels } from "../fleet/workers.js";
import { costOfUnits } from "../jobs/job-record.js";
import { COUNTERS_KEY, ETA_KEY, modelOfQueue, QUEUES_KEY, usageKey } from "../keys.js";
import { ETA_RATIO_BUCKETS } from "../limits.js";
import { bounded } from "../redis/errors.js";
import { type OrderSnapshot, readSnapshot } from "./order-snapshot.js";

type Fields = Readonly<Record<string, string>>;

/**
 * The farm's numbers, with one tenant's own; what is not there is 0.
 * @throws {FarmError} queue_unavailable
 */
export async function readStats(redis: Redis, tenant: Tenant): Promise<Stats> {
  const [counters, eta, usage, models] = await Promise.all([
    bounded("read the counters", () => redis.hgetall(COUNTERS_KEY)),
    bounded("read the calibration", () => redis.hgetall(ETA_KEY)),
    bounded("read the usage", () => redis.hgetall(usageKey(tenant.name))),
    readModelStats(redis),
  ]);
  const rates = models.flatMap(({ rate }) => rate ?? []);
  return statsSchema.parse({
    frames_queued: sum(models, (model) => model.frames_queued),
    frames_running: sum(models, (model) => model.frames_running),
    backlog_cost: sum(models, (model) => model.backlog_cost),
    backlog_seconds: latest(models),
    rate: rates.length === 0 ? null : rates.reduce((total, rate) => total + rate, 0),
    workers: sum(models, (model) => model.workers),
    models,
    counters: Object.fromEntries(COUNTERS.map((name) => [name, numberOf(counters, name)])),
    eta: {
      jobs: numberOf(eta, "jobs"),
      within_band: numberOf(eta, "within"),
      ratio_buckets: Object.fromEntries(
        [...ETA_RATIO_BUCKETS.map(String), "inf"].map((bound) => [bound, numberOf(eta, `le:${bound}`)]),
      ),
    },
    tenant: {
      name: tenant.name,
      weight: tenant.weight,
      queued_cost: costOfUnits(numberOf(usage, "cost")),
      concurrent_frames: numberOf(usage, "frames"),
      running_frames: numberOf(usage, "running"),
    },
  } satisfies Record<keyof Stats, unknown>);
}

async function readModelStats(redis: Redis): Promise<ModelStats[]> {
  const [queues, served] = await Promise.all([
    bounded("list the queues", () => redis.smembers(QUEUES_KEY)),
    readModels(redis, Date.now()),
  ]);
  const names = [...new Set([...served.map(({ name }) => name), ...queues.map(modelOfQueue)])].sort();
  return Promise.all(names.map(async (name) => toStats(name, await readSnapshot(redis, name))));
}

function toStats(name: string, snapshot: OrderSnapshot): ModelStats {
  const cost = costOfUnits(snapshot.openUnits);
  const { rate } = snapshot;
  const seconds = rate === null || rate <= 0 ? null : cost / rate;
  return {
    name,
    workers: snapshot.workers,
    slots: snapshot.slots,
    frames_queued: Math.max(0, snapshot.openFrames - snapshot.runningFrames),
    frames_running: snapshot.runningFrames,
    backlog_cost: cost,
    rate,
    backlog_seconds: cost === 0 ? 0 : seconds,
  };
}

/** Models have workers of their own: the farm is as late as its latest model, and unknown where one is. */
function latest(models: readonly ModelStats[]): number | null {
  const waits = models.map((model) => model.backlog_seconds);
  return waits.includes(null) ? null : Math.max(0, ...waits.map(Number));
}

function sum(models: readonly ModelStats[], pick: (model: ModelStats) => number): number {
  return models.reduce((total, model) => total + pick(model), 0);
}

function numberOf(fields: Fields, name: string): number {
  return Number(fields[name] ?? 0);
}
