import { frameCost, isJobId, type JobRecord, type Priority } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, startQueueRedis, workerInfo } from "./farm-fixture.js";
import { jobOf, setWeight, submitAll, type TakenFrame, whileBacklogged, workBy } from "./order-run.js";

/** Frames at once of a fleet for which the window is the widest that there is, 1,024 frames. */
const SLOTS = 4_096;

/** Frames of a job, and jobs of a tenant: 4 tenants fit into the window together. */
const JOB_FRAMES_MAX = 25;
const JOBS_MAX = 10;

/** Room for rounding: the tags of frames are whole numbers, of which the cheapest frame at weight 5 takes 13,000. */
const ROUNDING = 1.001;

const POLL = { timeout: 10_000, interval: 5 };

const CLASS_WEIGHT: Readonly<Record<Priority, number>> = { high: 4, normal: 2, low: 1 };

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

const arbitraryJob = fc.record({
  num_images: fc.integer({ min: 1, max: JOB_FRAMES_MAX }),
  steps: fc.integer({ min: 1, max: 8 }),
  width: fc.constantFrom(64, 128),
  priority: fc.constantFrom<Priority>("low", "normal", "high"),
});

const arbitraryTenant = fc.record({
  weight: fc.constantFrom(0.5, 1, 2, 5),
  jobs: fc.array(arbitraryJob, { minLength: 1, maxLength: JOBS_MAX }),
});

type Load = typeof arbitraryTenant extends fc.Arbitrary<infer Value> ? Value : never;

interface Released {
  readonly order: readonly TakenFrame[];
  /** In the order in which they were submitted. */
  readonly jobs: readonly JobRecord[];
}

describe("the order of release", () => {
  it("keeps backlogged tenants, and the classes of each, within one frame of each other", async () => {
    const tenants = fc.array(arbitraryTenant, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(tenants, async (loads) => {
        const weights = new Map(loads.map(({ weight }, at) => [`tenant-${at}`, weight]));
        const { order, jobs } = await releaseAll(loads);
        expectWithinBound(order, ({ tenant }) => tenant, weights);
        for (const tenant of weights.keys()) {
          const own = order.filter((frame) => frame.tenant === tenant);
          expectWithinBound(own, ({ priority }) => priority, new Map(Object.entries(CLASS_WEIGHT)));
        }
        expectJobsInOrder(order, jobs);
      }),
      { numRuns: 20 },
    );
  });
});

/**
 * Expects that any two with frames to come have had work in proportion to their weights in every stretch, but for a frame
 * of each. Source: Goyal, Vin, Cheng, "Start-time Fair Queuing", 1996, theorem 1.
 */
function expectWithinBound<Key extends string>(
  order: readonly TakenFrame[],
  keyOf: (frame: TakenFrame) => Key,
  weights: ReadonlyMap<Key, number>,
): void {
  const keys = [...workBy(order, keyOf).keys()];
  for (const [at, one] of keys.entries()) {
    for (const other of keys.slice(at + 1)) {
      const both = order.filter((frame) => keyOf(frame) === one || keyOf(frame) === other);
      const part = (frame: TakenFrame) => frame.cost / (weights.get(keyOf(frame)) ?? 1);
      const largest = (key: Key) => Math.max(...both.filter((frame) => keyOf(frame) === key).map(part));
      let lead = 0;
      const leads = whileBacklogged(both, keyOf).map((frame) => {
        lead += keyOf(frame) === one ? part(frame) : -part(frame);
        return lead;
      });
      const departure = Math.max(0, ...leads) - Math.min(0, ...leads);
      expect(departure).toBeLessThanOrEqual((largest(one) + largest(other)) * ROUNDING);
    }
  }
}

/** Expects that the frames of a class come job by job as they were submitted, each job's in their order. */
function expectJobsInOrder(order: readonly TakenFrame[], submitted: readonly JobRecord[]): void {
  const places = new Map<string, number>();
  for (const { tenant, priority, jobId, index } of order) {
    const place = submitted.findIndex(({ id }) => id === jobId) * JOB_FRAMES_MAX + index;
    expect(place).toBeGreaterThan(places.get(`${tenant} ${priority}`) ?? -1);
    places.set(`${tenant} ${priority}`, place);
  }
}

/** Submits loads behind a full window, opens it, and gives all frames in the order in which they were let go. */
async function releaseAll(loads: readonly Load[]): Promise<Released> {
  const model = freshModel();
  const plug = await submitAll(farm, model, [{ tenant: "plug", jobs: 4, params: {} }]);
  const key = `{latentfarm}:released:${encodeURIComponent(model)}`;
  await expect.poll(() => inspector.zcard(key), POLL).toBe(plug.length);
  const jobs: JobRecord[] = [];
  for (const [at, { weight, jobs: wanted }] of loads.entries()) {
    await setWeight(farm, `tenant-${at}`, weight);
    for (const params of wanted)
      jobs.push(await farm.submit(jobOf(model, `tenant-${at}`, { ...params, height: 64 })));
  }
  await farm.announceWorker({ ...workerInfo("w", model), concurrency: SLOTS });
  // Whoever submits looks at the window.
  plug.push(await farm.submit(jobOf(model, "plug")));
  const count = [...plug, ...jobs].reduce((sum, job) => sum + job.frames.length, 0);
  await expect.poll(() => inspector.zcard(key), POLL).toBe(count);
  const members = await inspector.zrange(key, 0, "-1");
  for (const { id } of plug) if (isJobId(id)) await farm.cancel(id);
  return { order: members.flatMap((member) => frameOf(jobs, member)), jobs };
}

function frameOf(jobs: readonly JobRecord[], member: string): TakenFrame[] {
  const [, id, index] = /^(.+)-(\d+)$/.exec(member) ?? [];
  const job = jobs.find((record) => record.id === id);
  if (job === undefined || !isJobId(job.id)) return [];
  const { tenant, params } = job;
  return [
    { jobId: job.id, index: Number(index), tenant, priority: params.priority, cost: frameCost(params) },
  ];
}
