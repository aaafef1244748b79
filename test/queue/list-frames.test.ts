import { FarmError, type FrameRecord, type JobId, LIMITS, type Status } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, newJob, resultOf, startQueueRedis } from "./farm-fixture.js";

const FRAMES = 2_500;
const DRAWN = 12;

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

/** A job whose first frames are drawn but for every third, which fails, and whose rest waits. */
async function drawnInPart(count: number): Promise<JobId> {
  const model = freshModel();
  const { id } = await farm.submit(newJob(model, { num_images: count, seed: "1" }));
  const consumer = farm.consume({
    model,
    workerId: "w",
    concurrency: 1,
    process: async (frame) => {
      await frame.started();
      if (frame.index >= DRAWN) return new Promise<never>(() => undefined);
      if (frame.index % 3 === 2) throw new FarmError("numeric_fault", "Cannot draw the frame");
      return resultOf(frame);
    },
  });
  await expect
    .poll(async () => (await farm.getFrame(id, DRAWN))?.frame?.status, { timeout: 20_000 })
    .toBe("running");
  await consumer.drain(0);
  return id;
}

async function allFrames(id: JobId, limit: number, status?: Status): Promise<FrameRecord[]> {
  const frames: FrameRecord[] = [];
  for (let from: number | null = 0; from !== null; ) {
    const page = await farm.listFrames(id, { from, limit, status });
    if (page === undefined) throw new Error("the job is gone");
    expect(page.frames.length).toBeLessThanOrEqual(limit);
    frames.push(...page.frames);
    from = page.next;
  }
  return frames;
}

/** Bytes that Redis has answered. */
async function answeredBytes(): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(await inspector.info("stats"))?.[1] ?? 0);
}

describe("the frames of a large job", () => {
  it("are listed by pages that hold each once, and the job lists the first 1,000", async () => {
    const id = await drawnInPart(FRAMES);
    const job = await farm.getJob(id);
    const pages = await allFrames(id, 700);
    expect(pages.map(({ index }) => index)).toEqual(Array.from({ length: FRAMES }, (_, index) => index));
    expect(job?.frames).toEqual(pages.slice(0, LIMITS.job_frames_shown_max));
    expect(job?.progress).toMatchObject({ frames: FRAMES, frames_done: DRAWN });
    const states = (status: Status) => allFrames(id, 3, status).then((all) => all.map(({ index }) => index));
    expect(await states("failed")).toEqual([2, 5, 8, 11]);
    expect(await states("succeeded")).toEqual([0, 1, 3, 4, 6, 7, 9, 10]);
    expect(await states("canceled")).toEqual([]);
    expect((await allFrames(id, 1_000, "queued")).map(({ index }) => index).at(-1)).toBe(FRAMES - 1);
    const canceled = await farm.cancel(id);
    expect(canceled?.frames).toHaveLength(LIMITS.job_frames_shown_max);
    // All but the one that was with the worker, which is canceled when that looks again.
    expect((await allFrames(id, 1_000, "canceled")).length).toBeGreaterThanOrEqual(FRAMES - DRAWN - 1);
  });

  it.each([1, 4, 5, 1_000, 1_001])("of %i are all listed with the job up to 1,000", async (count) => {
    const submitted = await farm.submit(newJob(freshModel(), { num_images: count, seed: "1" }));
    const job = await farm.getJob(submitted.id);
    expect(job?.frames).toHaveLength(Math.min(count, LIMITS.job_frames_shown_max));
    expect(submitted.frames).toEqual(job?.frames);
    expect(job?.frames.at(-1)).toMatchObject({ index: Math.min(count, 1_000) - 1, status: "queued" });
  });

  it("stay in Redis where they are not asked for", async () => {
    const { id } = await farm.submit(newJob(freshModel(), { num_images: FRAMES, seed: "1" }));
    const large = 4_000_000;
    await inspector.hset(`{latentfarm}:job:${id}`, `${FRAMES - 1}:note`, "a".repeat(large));
    const before = await answeredBytes();
    await farm.getJob(id);
    await farm.listFrames(id, { from: FRAMES - 10, limit: 10 });
    await farm.listFrames(id, { from: 0, limit: 10, status: "failed" });
    expect((await answeredBytes()) - before).toBeLessThan(large / 4);
  });

  it("are none past the last one, and undefined of a job that does not exist", async () => {
    const { id } = await farm.submit(newJob(freshModel(), { num_images: 3 }));
    const past = { tenant: "default", frames: [], next: null };
    expect(await farm.listFrames(id, { from: 3, limit: 10 })).toEqual(past);
    expect(await farm.listFrames(id, { from: 9_999, limit: 10, status: "queued" })).toEqual(past);
    expect(await farm.listFrames(newJob(freshModel()).id, { from: 0, limit: 10 })).toBeUndefined();
  });
});
