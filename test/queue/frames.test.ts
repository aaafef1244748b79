import { FarmError, type JobRecord } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import {
  endOf,
  freshModel,
  newJob,
  readLog,
  resultOf,
  started,
  startQueueRedis,
  untilAborted,
} from "./farm-fixture.js";

let redis: RedisServer & AsyncDisposable;
let farm: Farm;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
});

afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe("consume()", () => {
  it("gives a frame the priority of its job", async () => {
    const model = freshModel();
    const [low, high] = [
      await farm.submit(newJob(model, { priority: "low" })),
      await farm.submit(newJob(model, { priority: "high" })),
    ];
    const told = new Map<string, string>();
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        told.set(frame.jobId, frame.priority);
        await frame.started();
        return resultOf(frame);
      },
    });
    for (const { id } of [low, high]) await readLog(farm, id);
    // In the order in which they came: the queue does not heed it.
    expect([...told]).toEqual([
      [low.id, "low"],
      [high.id, "high"],
    ]);
  });

  it("draws every frame of a job with its own seed and tells it all in one log", async () => {
    const model = freshModel();
    const ended: JobRecord[] = [];
    const job = await farm.submit(newJob(model, { num_images: 3 }));
    expect(job).toMatchObject({ status: "queued", position: 0, progress: { steps: 12, frames_done: 0 } });
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 2,
      onJobEnd: async (record) => void ended.push(record),
      process: async (frame) => {
        await frame.started();
        await frame.progress(2, 4);
        await frame.preview("AAAA");
        return resultOf(frame);
      },
    });
    const log = await readLog(farm, job.id);
    // A reader that comes too late for a preview misses its id: job.queued, job.started, 3 of each kind, the end.
    const ids = log.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(ids.at(-1)).toBe(12);
    expect(log[0]).toMatchObject({ type: "job.queued", data: { frames: 3 } });
    expect(log[1]).toMatchObject({ type: "job.started" });
    expect(log.at(-1)).toMatchObject({ type: "job.succeeded", job_id: job.id });
    for (const type of ["frame.progress", "frame.succeeded"]) {
      expect(log.filter((event) => event.type === type)).toHaveLength(3);
    }
    const end = await farm.getJob(job.id);
    expect(end).toMatchObject({
      status: "succeeded",
      position: null,
      progress: { step: 12, steps: 12, frames_done: 3, frames: 3 },
    });
    expect(end?.frames.map((frame) => frame.result?.seed)).toEqual([
      "18446744073709551600",
      "18446744073709551601",
      "18446744073709551602",
    ]);
    expect(ended.map((record) => record.status)).toEqual(["succeeded"]);
  });

  it("runs jobs in the order in which they came", async () => {
    const model = freshModel();
    const jobs = [];
    for (let i = 0; i < 4; i++) jobs.push(await farm.submit(newJob(model)));
    const last = jobs[3]?.id ?? newJob(model).id;
    // The frames are on their way into the queue when the submit is answered.
    await expect.poll(async () => (await farm.getJob(last))?.position).toBe(3);
    const order: string[] = [];
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        order.push(frame.jobId);
        return resultOf(frame);
      },
    });
    await Promise.all(jobs.map((job) => endOf(farm, job.id)));
    expect(order).toEqual(jobs.map((job) => job.id));
  });

  it("tries a retryable failure again and gives up after the cap", async () => {
    const model = freshModel();
    const attempts: number[] = [];
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 2,
      process: async (frame) => {
        await frame.started();
        if (frame.index === 1) return resultOf(frame);
        attempts.push(frame.attempt);
        throw new FarmError("engine_crashed", "Cannot finish the frame as the engine crashed with it");
      },
    });
    const job = await farm.submit(newJob(model, { num_images: 2 }));
    const end = await endOf(farm, job.id);
    expect(attempts).toEqual([1, 2, 3]);
    expect(end).toMatchObject({ status: "failed", error: { code: "engine_crashed" } });
    expect(end.frames.map((frame) => frame.status)).toEqual(["failed", "succeeded"]);
  });

  it("fails a frame at once when trying again cannot help, and shows no foreign message", async () => {
    const model = freshModel();
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async () => {
        throw new Error("secret of a library");
      },
    });
    const job = await farm.submit(newJob(model));
    const end = await endOf(farm, job.id);
    expect(end.frames[0]).toMatchObject({ status: "failed", attempt: 1, error: { code: "internal" } });
    expect(JSON.stringify(end)).not.toContain("secret");
  });

  it("gives frames back without burning a try when it drains", async () => {
    const model = freshModel();
    const first = farm.consume({
      model,
      workerId: "first",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        return untilAborted(frame.signal);
      },
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await first.drain(0);
    expect((await farm.getJob(job.id))?.frames[0]).toMatchObject({ status: "queued", attempt: 1 });
    await using _second = farm.consume({
      model,
      workerId: "second",
      concurrency: 1,
      process: async (frame) => {
        if (frame.attempt < 4)
          throw new FarmError("engine_crashed", "Cannot finish the frame as the engine crashed with it");
        return resultOf(frame);
      },
    });
    expect((await endOf(farm, job.id)).frames[0]).toMatchObject({ status: "succeeded", attempt: 4 });
  });

  it("waits for frames in flight when it drains within the deadline", async () => {
    const model = freshModel();
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        await finished;
        return resultOf(frame);
      },
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    const drained = consumer.drain(20_000);
    finish();
    await drained;
    expect((await farm.getJob(job.id))?.status).toBe("succeeded");
  });
});

describe("cancel()", () => {
  it("ends a job that waits at once, and says so again", async () => {
    const job = await farm.submit(newJob(freshModel(), { num_images: 2 }));
    const canceled = await farm.cancel(job.id);
    expect(canceled).toMatchObject({ status: "canceled", progress: { frames_done: 2 } });
    expect(await farm.cancel(job.id)).toEqual(canceled);
    expect((await readLog(farm, job.id)).map((event) => event.type)).toEqual(["job.queued", "job.canceled"]);
  });

  it("reaches a running frame from another process's connection", async () => {
    const model = freshModel();
    await using other = await connectQueue({ redisUrl: redis.url });
    await using _consumer = other.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        return untilAborted(frame.signal);
      },
    });
    const job = await farm.submit(newJob(model, { num_images: 2 }));
    const types: string[] = [];
    for await (const event of farm.events(job.id, { signal: AbortSignal.timeout(20_000) })) {
      types.push(event.type);
      if (event.type === "job.started") await farm.cancel(job.id);
    }
    expect(types).toEqual(["job.queued", "job.started", "job.canceled"]);
    expect((await farm.getJob(job.id))?.frames.map((frame) => frame.status)).toEqual([
      "canceled",
      "canceled",
    ]);
  });

  it("leaves an ended job as it is and knows no unknown one", async () => {
    const model = freshModel();
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => resultOf(frame),
    });
    const job = await farm.submit(newJob(model));
    const end = await endOf(farm, job.id);
    expect(await farm.cancel(job.id)).toEqual(end);
    expect(await farm.cancel(newJob(model).id)).toBeUndefined();
  });
});
