import { connectQueue, type QueueLog } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import {
  endOf,
  freshModel,
  newJob,
  resultOf,
  started,
  startQueueRedis,
  untilAborted,
} from "./farm-fixture.js";

describe("connectQueue()", () => {
  it("refuses a Redis that may drop jobs", async () => {
    await using redis = await startQueueRedis({ "maxmemory-policy": "allkeys-lru" });
    await expect(connectQueue({ redisUrl: redis.url })).rejects.toMatchObject({ code: "config_invalid" });
  });

  it("warns of a Redis without an append-only file", async () => {
    await using redis = await startQueueRedis({ appendonly: "no" });
    const warnings: string[] = [];
    const log: QueueLog = {
      info: () => undefined,
      error: () => undefined,
      warn: (_, text) => void warnings.push(text),
    };
    await using _farm = await connectQueue({ redisUrl: redis.url, log });
    expect(warnings).toEqual([expect.stringContaining("appendonly is off")]);
  });

  it("says that nothing listens", async () => {
    const nobody = connectQueue({ redisUrl: "redis://127.0.0.1:1" });
    await expect(nobody).rejects.toMatchObject({ code: "queue_unavailable" });
  });
});

describe("a Redis that goes away", () => {
  it("is told within the call's bound, and work goes on when it is back", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    const model = freshModel();
    let outage: (() => void) | undefined;
    const away = new Promise<void>((resolve) => {
      outage = resolve;
    });
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        await away;
        await frame.progress(1, 4);
        return resultOf(frame);
      },
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await redis.kill();
    const begun = performance.now();
    await expect(farm.submit(newJob(model))).rejects.toMatchObject({ code: "queue_unavailable" });
    await expect(farm.ping()).rejects.toMatchObject({ code: "queue_unavailable" });
    expect(performance.now() - begun).toBeLessThan(11_000);
    outage?.();
    await redis.restart();
    await farm.ping();
    expect(await endOf(farm, job.id)).toMatchObject({ status: "succeeded", frames: [{ attempt: 1 }] });
    const next = await farm.submit(newJob(model));
    expect(await endOf(farm, next.id)).toMatchObject({ status: "succeeded" });
  });

  it("does not hold up a worker that stops", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    const model = freshModel();
    const consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        return untilAborted(frame.signal);
      },
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await redis.kill();
    const begun = performance.now();
    await consumer.drain(100);
    expect(performance.now() - begun).toBeLessThan(12_000);
  });

  it("is told in time when it hangs", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    redis.pause();
    await expect(farm.ping()).rejects.toMatchObject({ code: "queue_unavailable" });
    redis.resume();
  });
});

describe("a frame whose lock is lost", () => {
  it("starts elsewhere, and the first attempt can say nothing any more", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    await using other = await connectQueue({ redisUrl: redis.url });
    const model = freshModel();
    const reasons: unknown[] = [];
    let late: (() => void) | undefined;
    const lost = new Promise<void>((resolve) => {
      late = resolve;
    });
    const first = farm.consume({
      model,
      workerId: "first",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        if (frame.attempt > 1) return { ...resultOf(frame), worker: "second" };
        await dropLock(redis.url, frame.jobId);
        await lost;
        reasons.push(frame.signal.reason);
        return { ...resultOf(frame), worker: "first" };
      },
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await using _second = other.consume({
      model,
      workerId: "second",
      concurrency: 1,
      process: async (frame) => ({ ...resultOf(frame), worker: "second" }),
    });
    const end = await endOf(other, job.id);
    late?.();
    await first.drain(5_000);
    expect(end.frames[0]).toMatchObject({ attempt: 2, result: { worker: "second" } });
    expect(await farm.getJob(job.id)).toEqual(end);
    expect(reasons).toEqual([expect.objectContaining({ code: "interrupted" })]);
  });

  it("fails after too many losses", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    const model = freshModel();
    const job = await farm.submit(newJob(model));
    await using client = {
      redis: new Redis(redis.url),
      [Symbol.asyncDispose]: async () => client.redis.disconnect(),
    };
    // As if nine attempts had begun and never ended.
    await client.redis.hset(`{latentfarm}:job:${job.id}`, "0:open", 1, "0:lost", 9, "0:attempt", 9);
    let drawn = 0;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        drawn++;
        return resultOf(frame);
      },
    });
    expect(await endOf(farm, job.id)).toMatchObject({ status: "failed", error: { code: "engine_crashed" } });
    expect(drawn).toBe(0);
  });
});

describe("a submit that stopped half-way", () => {
  it("is one job for a repeat with the same key, and is taken up by the keeper", async () => {
    await using redis = await startQueueRedis();
    await using farm = await connectQueue({ redisUrl: redis.url });
    await using client = {
      redis: new Redis(redis.url),
      [Symbol.asyncDispose]: async () => client.redis.disconnect(),
    };
    const model = freshModel();
    const idempotency = { key: "k", bodyHash: "a" };
    const job = await farm.submit({ ...newJob(model), idempotency });
    await farm.submit({ ...newJob(model), idempotency });
    await dropQueue(client.redis);
    await using _keeper = farm.keep({ onJobEnd: async () => undefined });
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => resultOf(frame),
    });
    expect(await endOf(farm, job.id)).toMatchObject({ status: "succeeded" });
  });
});

async function dropLock(redisUrl: string, jobId: string): Promise<void> {
  const redis = new Redis(redisUrl);
  await redis.del(...(await redis.keys(`*:frames-*:${jobId}-0:lock`)));
  redis.disconnect();
}

/** Takes every frame out of BullMQ, as if whoever released them had died before handing them on. */
async function dropQueue(redis: Redis): Promise<void> {
  const keys = await redis.keys("*:frames-*");
  if (keys.length > 0) await redis.del(...keys);
}
