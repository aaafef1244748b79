import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, startQueueRedis, workerInfo } from "./farm-fixture.js";
import { jobOf, takeFrames } from "./order-run.js";

/** The largest job that there may be. */
const FRAMES = 10_000;

/** Milliseconds that nobody's call may take beside a large job; a call takes some 5 on a machine with nothing else to do. */
const CALL_MS_MAX = 2_000;

/** Bytes of Redis for a job that waits, however many frames it has, with its window in BullMQ. */
const WAITING_BYTES_MAX = 16_384;

/** Frames that lie ready at most: for a fleet that has not announced itself, and for the largest. */
const WINDOW_MIN = 4;
const WINDOW_MAX = 1_024;

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
let other: Farm;
let inspector: Redis;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  other = await connectQueue({ redisUrl: redis.url });
  inspector = new Redis(redis.url);
});

afterAll(async () => {
  inspector.disconnect();
  await farm[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function waitingIn(model: string): Promise<number> {
  return inspector.zcard(`{latentfarm}:frames-${encodeURIComponent(model)}:prioritized`);
}

/** Bytes of everything in Redis whose key names the job. */
async function bytesOf(id: string): Promise<number> {
  const keys = await inspector.keys(`*${id}*`);
  const sizes = await Promise.all(keys.map((key) => inspector.memory("USAGE", key)));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

async function timed<T>(call: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  const value = await call();
  return { value, ms: performance.now() - start };
}

/** The longest that another tenant's small calls took while `work` went on. */
async function longestBeside(work: Promise<unknown>): Promise<number> {
  const model = freshModel();
  let done = false;
  const end = work.finally(() => {
    done = true;
  });
  let longest = 0;
  while (!done) {
    const { ms } = await timed(async () => {
      const { id } = await other.submit(jobOf(model, "small"));
      await other.getJob(id);
      await other.cancel(id);
    });
    longest = Math.max(longest, ms);
  }
  await end;
  return longest;
}

describe("a job of 10,000 frames", () => {
  it("is taken in at once, takes no room for its frames, and holds nobody up", async () => {
    const model = freshModel();
    const submitted = timed(() => farm.submit(jobOf(model, "large", { num_images: FRAMES })));
    const longest = await longestBeside(submitted);
    const { ms, value } = await submitted;
    expect(ms).toBeLessThan(CALL_MS_MAX);
    expect(longest).toBeLessThan(CALL_MS_MAX);
    await expect.poll(() => waitingIn(model)).toBe(WINDOW_MIN);
    expect(await bytesOf(value.id)).toBeLessThan(WAITING_BYTES_MAX);
    const canceled = timed(() => farm.cancel(value.id));
    const besideCancel = await longestBeside(canceled);
    expect((await canceled).value).toMatchObject({ status: "canceled", progress: { frames_done: FRAMES } });
    expect((await canceled).ms).toBeLessThan(CALL_MS_MAX);
    expect(besideCancel).toBeLessThan(CALL_MS_MAX);
    expect(await waitingIn(model)).toBe(0);
  });

  it("runs frame by frame, can be read meanwhile, and is canceled in the midst", async () => {
    const model = freshModel();
    const { id } = await farm.submit(jobOf(model, "large", { num_images: FRAMES }));
    const waiting: number[] = [];
    const reads: number[] = [];
    await takeFrames(farm, {
      model,
      frames: 300,
      concurrency: 8,
      onFrame: async (_frame, at) => {
        if (at % 50 > 0) return;
        waiting.push(await waitingIn(model));
        reads.push((await timed(() => other.getJob(id))).ms);
      },
    });
    expect(Math.max(...waiting)).toBeLessThanOrEqual(WINDOW_MIN);
    expect(Math.max(...reads)).toBeLessThan(CALL_MS_MAX);
    const job = await farm.cancel(id);
    const end = await endOf(farm, id);
    expect(job?.status).toBe("canceled");
    expect(end.frames.filter(({ status }) => status === "succeeded").length).toBeGreaterThanOrEqual(300);
    expect(end.progress.frames_done).toBe(FRAMES);
  });

  it("fills the widest window, and is taken out of it again", async () => {
    const model = freshModel();
    await farm.announceWorker({ ...workerInfo("fleet", model), concurrency: 8_192 });
    const { id } = await farm.submit(jobOf(model, "large", { num_images: FRAMES }));
    await expect.poll(() => waitingIn(model), { timeout: 10_000 }).toBe(WINDOW_MAX);
    const canceled = timed(() => farm.cancel(id));
    const beside = await longestBeside(canceled);
    expect(beside).toBeLessThan(CALL_MS_MAX);
    expect(await waitingIn(model)).toBe(0);
  });
});
