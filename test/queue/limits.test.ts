import { FarmError, frameCost, type JobParams, LIMITS, type TenantLimits } from "@latentfarm/contract";
import { connectQueue, type Farm, type NewJob } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, resultOf, startQueueRedis, workerInfo } from "./farm-fixture.js";
import { Gate } from "./gate.js";

/** The books of the whole farm. */
const FARM_USAGE_KEY = "{latentfarm}:usage";

/** Long enough for a frame that must not come to come: a release takes some milliseconds. */
const QUIET_MS = 150;

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

function freshTenant(): string {
  return `tenant-${freshModel().slice("model:".length)}`;
}

function limited(tenant: string, limits: TenantLimits, params: Partial<JobParams> = {}): NewJob {
  return { ...newJob(freshModel(), { seed: "1", ...params }), tenant: { name: tenant, weight: 1, limits } };
}

async function usageOf(name: string) {
  return (await farm.stats({ name, weight: 1, limits: {} })).tenant;
}

describe("submit() at a tenant's quota", () => {
  it("refuses the frame past concurrent_frames_max, and takes it again after a cancel", async () => {
    const tenant = freshTenant();
    const limits = { concurrent_frames_max: 5 };
    const first = await farm.submit(limited(tenant, limits, { num_images: 3 }));
    await expect(farm.submit(limited(tenant, limits, { num_images: 3 }))).rejects.toMatchObject({
      code: "quota_exceeded",
      details: { limit: "concurrent_frames_max", retry_after_seconds: expect.any(Number) },
    });
    await farm.submit(limited(tenant, limits, { num_images: 2 }));
    await expect(farm.submit(limited(tenant, limits))).rejects.toMatchObject({ code: "quota_exceeded" });
    expect(await usageOf(tenant)).toMatchObject({ concurrent_frames: 5 });
    await farm.cancel(first.id);
    await farm.submit(limited(tenant, limits, { num_images: 3 }));
    expect(await usageOf(tenant)).toMatchObject({ concurrent_frames: 5, running_frames: 0 });
  });

  it("refuses the work past queued_cost_max, and takes it when frames have ended", async () => {
    const tenant = freshTenant();
    const draft = limited(tenant, {});
    const limits = { queued_cost_max: 3 * frameCost(draft.params) };
    const job = limited(tenant, limits, { num_images: 3 });
    await farm.submit(job);
    const refused = farm.submit(limited(tenant, limits, { steps: 1 }));
    await expect(refused).rejects.toMatchObject({
      code: "quota_exceeded",
      details: { limit: "queued_cost_max" },
    });
    await using _consumer = farm.consume({
      model: job.model,
      workerId: "w",
      concurrency: 2,
      process: async (frame) => resultOf(frame),
    });
    await endOf(farm, job.id);
    expect(await usageOf(tenant)).toMatchObject({ queued_cost: 0, concurrent_frames: 0 });
    await farm.submit(limited(tenant, limits, { num_images: 3 }));
  });

  it("is exact when many submits come at once over two connections", async () => {
    await using other = await connectQueue({ redisUrl: redis.url });
    const tenant = freshTenant();
    const limits = { concurrent_frames_max: 25 };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 80 }, (_, at) => (at % 2 ? farm : other).submit(limited(tenant, limits))),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(25);
    expect(await usageOf(tenant)).toMatchObject({ concurrent_frames: 25 });
  });

  it("says that the farm is full, takes nothing then, and takes it once there is room", async () => {
    const tenant = freshTenant();
    const before = Number(await inspector.hget(FARM_USAGE_KEY, "frames"));
    await inspector.hset(FARM_USAGE_KEY, "frames", LIMITS.farm_frames_max - 2);
    const job = limited(tenant, {}, { num_images: 3 });
    await farm.announceWorker(workerInfo("w", job.model));
    await expect(farm.submit(job)).rejects.toMatchObject({ code: "overloaded" });
    expect((await farm.forecast(job)).reason).toMatch(/farm_frames_max/);
    expect(await farm.getJob(job.id)).toBeUndefined();
    await farm.submit(limited(tenant, {}, { num_images: 2 }));
    await inspector.hset(FARM_USAGE_KEY, "frames", before + 2);
    await farm.submit(job);
  });
});

describe("running_frames_max", () => {
  it("holds frames back on an idle farm, and lets the next go whenever one ends", async () => {
    const tenant = freshTenant();
    const model = freshModel();
    await farm.access.setTenant(tenant, { weight: 1, limits: { running_frames_max: 2 } }, "cli:test");
    const submit = (params: Partial<JobParams>) => farm.submit({ ...limited(tenant, {}, params), model });
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 8, process: gate.process });
    const jobs = [await submit({ num_images: 2 }), await submit({ num_images: 2 }), await submit({})];
    const [one, two] = [await gate.next(), await gate.next()];
    await quiet();
    expect(gate.held).toBe(2);
    one.succeed();
    const three = await gate.next();
    // A try that is not the last keeps its place.
    two.fail(new FarmError("invalid_request", "Cannot draw it"));
    const four = await gate.next();
    await quiet();
    expect(gate.held).toBe(2);
    expect([three.frame.jobId, four.frame.jobId]).toEqual([jobs[1]?.id, jobs[1]?.id]);
    await farm.cancel(four.frame.jobId);
    const five = await gate.next();
    expect(five.frame.jobId).toBe(jobs[2]?.id);
    five.succeed();
    await expect.poll(async () => (await usageOf(tenant)).concurrent_frames).toBe(0);
  });

  it("holds a place through a retry, and gives it back when the frame has failed", async () => {
    const tenant = freshTenant();
    const model = freshModel();
    await farm.access.setTenant(tenant, { weight: 1, limits: { running_frames_max: 1 } }, "cli:test");
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 8, process: gate.process });
    const first = await farm.submit({ ...limited(tenant, {}), model });
    const second = await farm.submit({ ...limited(tenant, {}), model });
    for (let attempt = 1; attempt <= 3; attempt++) {
      const held = await gate.next();
      expect(held.frame).toMatchObject({ jobId: first.id, attempt });
      held.fail(new FarmError("engine_crashed", "Cannot finish the frame"));
    }
    const held = await gate.next();
    expect(held.frame.jobId).toBe(second.id);
    held.succeed();
    await endOf(farm, second.id);
  });

  it("lets another tenant's frames go meanwhile, and gives no credit for the time held", async () => {
    const [slow, free] = [freshTenant(), freshTenant()];
    const model = freshModel();
    await farm.access.setTenant(slow, { weight: 1, limits: { running_frames_max: 1 } }, "cli:test");
    await farm.submit({ ...limited(slow, {}, { num_images: 20 }), model });
    await farm.submit({ ...limited(free, {}, { num_images: 40 }), model });
    const taken: string[] = [];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 2,
      process: async (frame) => {
        taken.push(frame.tenant);
        if (taken.filter((tenant) => tenant === free).length === 20) release();
        if (taken.filter((tenant) => tenant === slow).length === 1 && frame.tenant === slow) await released;
        return resultOf(frame);
      },
    });
    await expect.poll(() => taken.length, { timeout: 20_000 }).toBe(60);
    const afterwards = taken.slice(21, 41).filter((tenant) => tenant === slow).length;
    expect(afterwards).toBeLessThanOrEqual(15);
  });

  it("lets the next go when the job that held the place expires", async () => {
    const tenant = freshTenant();
    const model = freshModel();
    await farm.access.setTenant(tenant, { weight: 1, limits: { running_frames_max: 1 } }, "cli:test");
    await using _keeper = farm.keep({ onJobEnd: async () => undefined });
    const start_before = new Date(Date.now() + 100).toISOString();
    const first = await farm.submit({ ...limited(tenant, {}), model, start_before });
    const second = await farm.submit({ ...limited(tenant, {}), model });
    expect((await endOf(farm, first.id)).status).toBe("expired");
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 8, process: gate.process });
    const held = await gate.next();
    expect(held.frame.jobId).toBe(second.id);
    held.succeed();
    await endOf(farm, second.id);
  });
});

function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS));
}
