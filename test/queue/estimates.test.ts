import { setTimeout as delay } from "node:timers/promises";
import { COUNTERS, type JobId, type JobRecord, type Tenant } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, readLog, resultOf, startQueueRedis, workerInfo } from "./farm-fixture.js";
import { Gate } from "./gate.js";
import { jobOf, setWeight } from "./order-run.js";

/** How predictions have come out. */
const ETA_KEY = "{latentfarm}:eta";

/** Milliseconds that a frame takes on the stand-in engine: long beside what the queue adds on a busy machine. */
const FRAME_MS = 60;

/** Megapixel-steps of a frame of these tests, 64 x 64 pixels and 4 steps. */
const FRAME_COST = 0.016384;

/** Milliseconds for which an estimate may be of the past. */
const SNAPSHOT_MS = 1_000;

/** An end may come so much sooner or later than predicted: 1.2 was measured with five times the work of two cores. */
const FACTOR = 2;

const TENANT: Tenant = { name: "default", weight: 1, limits: {} };

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
let inspector: Redis;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  inspector = new Redis(redis.url);
});

afterAll(async () => {
  inspector.disconnect();
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** A worker whose engine takes so long for each frame, one after the other. */
function consume(model: string) {
  return farm.consume({
    model,
    workerId: "w",
    concurrency: 1,
    process: async (frame) => {
      await frame.started();
      await delay(FRAME_MS);
      return resultOf(frame);
    },
  });
}

/** Draws a few frames, and announces a worker as fast as the measured one. */
async function learnRate(model: string): Promise<number> {
  await using consumer = consume(model);
  const { id } = await farm.submit(jobOf(model, "warm", { num_images: 8 }));
  await readLog(farm, id);
  const { rate } = consumer;
  if (rate === null) throw new TypeError("frames were drawn");
  await farm.announceWorker({ ...workerInfo("w", model), concurrency: 1, rate });
  return rate;
}

describe("stats()", () => {
  it("is all zeros on a Redis that nobody has used", async () => {
    expect(await farm.stats(TENANT)).toEqual({
      frames_queued: 0,
      frames_running: 0,
      backlog_cost: 0,
      backlog_seconds: 0,
      rate: null,
      workers: 0,
      models: [],
      counters: Object.fromEntries(COUNTERS.map((name) => [name, 0])),
      eta: { jobs: 0, within_band: 0, ratio_buckets: expect.objectContaining({ "1": 0, inf: 0 }) },
      tenant: { name: "default", weight: 1, queued_cost: 0, concurrent_frames: 0, running_frames: 0 },
    });
  });

  it("counts running work into the backlog, without what is done of it", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const { id } = await farm.submit(jobOf(model, "backlog", { num_images: 3 }));
    const held = await gate.next();
    await held.frame.progress(3, 4);
    await farm.announceWorker({ ...workerInfo("w", model), concurrency: 1, rate: FRAME_COST / 2 });
    const { models } = await farm.stats(TENANT);
    expect(models.find(({ name }) => name === model)).toMatchObject({
      frames_queued: 2,
      frames_running: 1,
      slots: 1,
      backlog_cost: expect.closeTo(2.25 * FRAME_COST, 9),
      backlog_seconds: expect.closeTo(4.5, 9),
    });
    await farm.cancel(id);
    await endOf(farm, id);
    const after = await farm.stats(TENANT);
    expect(after).toMatchObject({ frames_queued: 0, frames_running: 0, backlog_cost: 0, backlog_seconds: 0 });
    await farm.retireWorker("w");
  });
});

describe("estimates", () => {
  it("tell when the jobs of several tenants end, and where they stand", async () => {
    const model = freshModel();
    const rate = await learnRate(model);
    expect(rate).toBeGreaterThan(FRAME_COST / (FRAME_MS / 1_000) / FACTOR);
    await setWeight(farm, "eta-double", 2);
    const ids: JobId[] = [];
    for (const [tenant, num_images] of [
      ["eta-plain", 14],
      ["eta-double", 14],
      ["eta-plain", 6],
      ["eta-late", 4],
    ] as const) {
      const job = jobOf(model, tenant, { num_images });
      await farm.submit(job);
      ids.push(job.id);
    }
    await delay(SNAPSHOT_MS);
    const predicted = await Promise.all(ids.map((id) => farm.getJob(id)));
    const startMs = Date.now();
    expect(predicted.map((job) => job?.position)).toEqual([
      0,
      expect.any(Number),
      expect.any(Number),
      expect.any(Number),
    ]);
    for (const job of predicted) expectBand(job);
    await using _consumer = consume(model);
    const ends = await Promise.all(ids.map((id) => endOf(farm, id)));
    for (const [at, end] of ends.entries()) {
      const actual = (Date.parse(end.finished_at ?? "") - startMs) / 1_000;
      const ratio = actual / (predicted[at]?.eta_seconds ?? Number.NaN);
      expect(ratio).toBeGreaterThan(1 / FACTOR);
      expect(ratio).toBeLessThan(FACTOR);
    }
  });

  it("of a dry run are what the submit says", async () => {
    const model = freshModel();
    await learnRate(model);
    await farm.submit(jobOf(model, "dry-other", { num_images: 20 }));
    await delay(SNAPSHOT_MS);
    const draft = jobOf(model, "dry", { num_images: 3, priority: "high" });
    const forecast = await farm.forecast(draft);
    const job = await farm.submit(draft);
    expect(forecast).toMatchObject({ reason: null, position: job.position });
    expect(forecast.eta).toEqual({
      seconds: job.eta_seconds,
      low_seconds: job.eta_low_seconds,
      high_seconds: job.eta_high_seconds,
    });
    expect((await farm.forecast(jobOf(freshModel(), "dry"))).reason).toMatch(/no live worker/);
  });

  it("are compared with what came, once each", async () => {
    const model = freshModel();
    await learnRate(model);
    const before = (await farm.stats(TENANT)).eta;
    await delay(SNAPSHOT_MS);
    await using _consumer = consume(model);
    for (let at = 0; at < 3; at++) {
      const { id } = await farm.submit(jobOf(model, "calibrated", { num_images: 2 }));
      await endOf(farm, id);
    }
    const after = (await farm.stats(TENANT)).eta;
    expect(after.jobs - before.jobs).toBe(3);
    expect(sum(after.ratio_buckets) - sum(before.ratio_buckets)).toBe(3);
    expect(after.within_band - before.within_band).toBeGreaterThan(0);
  });

  it("have a band between which nine of ten outcomes lay", async () => {
    const model = freshModel();
    await learnRate(model);
    await inspector.del(ETA_KEY);
    // Two in a hundred came twice as late as anything else.
    await inspector.hset(ETA_KEY, "jobs", 100, "le:0.9", 40, "le:1.1", 58, "le:3", 2);
    await delay(SNAPSHOT_MS);
    const { eta } = await farm.forecast(jobOf(model, "band", { num_images: 40 }));
    const seconds = eta?.seconds ?? Number.NaN;
    expect(eta).toMatchObject({
      low_seconds: expect.closeTo(0.8 * seconds, 2),
      high_seconds: expect.closeTo(1.1 * seconds, 2),
    });
  });
});

function expectBand(job: JobRecord | undefined): void {
  const [seconds, low, high] = [job?.eta_seconds, job?.eta_low_seconds, job?.eta_high_seconds].map(Number);
  expect(low).toBeLessThanOrEqual(seconds ?? Number.NaN);
  expect(high).toBeGreaterThanOrEqual(seconds ?? Number.NaN);
}

function sum(buckets: Readonly<Record<string, number>>): number {
  return Object.values(buckets).reduce((total, count) => total + count, 0);
}
