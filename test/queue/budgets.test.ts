import { FarmError, type JobId } from "@latentfarm/contract";
import { connectQueue, type Farm, type FrameWork } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, resultOf, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";

const PASSING = new FarmError("engine_crashed", "Cannot finish the frame");

/** As the queue has it. */
const LOST_ATTEMPTS_MAX = 10;

/** Longer than a lock lasts. */
const LEFT_MS_MAX = 20_000;

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

async function counters() {
  return (await farm.stats({ name: "default", weight: 1, limits: {} })).counters;
}

describe.concurrent("the budgets of a frame", () => {
  it("gives back more often than there are tries, and keeps the tries", async () => {
    const model = freshModel();
    const job = await farm.submit(newJob(model));
    for (let at = 1; at <= 4; at++) {
      const gate = new Gate();
      const consumer = farm.consume({ model, workerId: `w${at}`, concurrency: 1, process: gate.process });
      expect((await gate.next()).frame.attempt).toBe(at);
      await consumer.drain(0);
    }
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        if (frame.attempt < 7) throw PASSING;
        return resultOf(frame);
      },
    });
    // Attempts 5 and 6 fail, 7 is the last try.
    expect((await endOf(farm, job.id)).frames[0]).toMatchObject({ status: "succeeded", attempt: 7 });
  });

  it("fails a frame as poison that has failed on three different workers", async () => {
    const model = freshModel();
    const { id } = await farm.submit(newJob(model));
    const { frames_poisoned: before } = await counters();
    for (const workerId of ["a", "b", "c"]) {
      const gate = new Gate();
      const consumer = farm.consume({ model, workerId, concurrency: 1, process: gate.process });
      (await gate.next()).fail(PASSING);
      await consumer.drain(5_000);
    }
    const end = await endOf(farm, id);
    expect(end).toMatchObject({ status: "failed", error: { code: "poisoned" } });
    expect(end.frames[0]).toMatchObject({ attempt: 3, error: { code: "poisoned" } });
    expect((await counters()).frames_poisoned).toBe(before + 1);
  });

  it("does not burn a try for an attempt whose lock is lost, nor let it speak", async () => {
    const model = freshModel();
    const { id } = await farm.submit(newJob(model));
    const { attempts_superseded: before } = await counters();
    const first = await loseAttempt(model, id);
    await first.frame.progress(3, 4);
    expect(first.frame.signal.reason).toMatchObject({ code: "interrupted" });
    expect((await counters()).attempts_superseded).toBeGreaterThan(before);
    expect((await farm.getJob(id))?.progress.step).toBe(0);
    await using _consumer = farm.consume({
      model,
      workerId: "b",
      concurrency: 1,
      process: async (frame) => {
        if (frame.attempt < 4) throw PASSING;
        return resultOf(frame);
      },
    });
    const end = await endOf(farm, id);
    expect(end.frames[0]).toMatchObject({ status: "succeeded", attempt: 4 });
    await first.consumer[Symbol.asyncDispose]();
  });

  it("fails a frame whose attempts are lost again and again", async () => {
    const model = freshModel();
    const { id } = await farm.submit(newJob(model));
    // Nine losses take a minute and a half.
    await inspector.hset(`{latentfarm}:job:${id}`, "0:lost", LOST_ATTEMPTS_MAX - 1);
    const first = await loseAttempt(model, id);
    await using _consumer = farm.consume({ model, workerId: "b", concurrency: 1, process: neverCalled });
    const end = await endOf(farm, id);
    expect(end.frames[0]).toMatchObject({ status: "failed", attempt: 1, error: { code: "engine_crashed" } });
    await first.consumer[Symbol.asyncDispose]();
  });
});

describe.concurrent("a worker's health", () => {
  it("takes no more frames once it has failed for three different jobs, which others then draw", async () => {
    const model = freshModel();
    const { workers_sick: before } = await counters();
    const reasons: string[] = [];
    let drawn = 0;
    const sick = farm.consume({
      model,
      workerId: "sick",
      concurrency: 1,
      onSick: (reason) => reasons.push(reason),
      process: async () => {
        drawn++;
        throw PASSING;
      },
    });
    const jobs = await Promise.all(Array.from({ length: 4 }, () => farm.submit(newJob(model))));
    await expect.poll(() => sick.sickness, { timeout: 10_000 }).toMatch(/3 different jobs/);
    expect(reasons).toEqual([sick.sickness]);
    await expect.poll(async () => (await counters()).workers_sick).toBeGreaterThan(before);
    await using _well = farm.consume({
      model,
      workerId: "well",
      concurrency: 4,
      process: async (frame) => resultOf(frame),
    });
    const ends = await Promise.all(jobs.map(({ id }) => endOf(farm, id)));
    expect(ends.map(({ status }) => status)).toEqual(Array.from(ends, () => "succeeded"));
    expect(ends.map(({ frames }) => frames[0]?.attempt)).toEqual([2, 2, 2, 1]);
    expect(drawn).toBe(3);
    await sick[Symbol.asyncDispose]();
  });

  it("is not cleared by a picture that an earlier attempt had left", async () => {
    const model = freshModel();
    // The third job's picture is there already: nothing was drawn for it.
    const found = (frame: FrameWork) => ({ ...resultOf(frame), attempt: 0 });
    let taken = 0;
    await using sick = farm.consume({
      model,
      workerId: "sick",
      concurrency: 1,
      process: async (frame) => {
        taken++;
        if (taken === 3) return found(frame);
        throw PASSING;
      },
    });
    for (let at = 0; at < 4; at++) await farm.submit(newJob(model));
    await expect.poll(() => sick.sickness, { timeout: 3_000 }).not.toBeNull();
    expect(taken).toBe(4);
  });
});

function neverCalled(): Promise<never> {
  throw new Error("no frame was expected");
}

/** Has the job's frame taken by a worker that loses its lock, and takes no other. */
async function loseAttempt(model: string, id: JobId) {
  const gate = new Gate();
  const consumer = farm.consume({ model, workerId: "a", concurrency: 1, process: gate.process });
  const { frame } = await gate.next();
  void consumer.drain(LEFT_MS_MAX);
  await inspector.del(`{latentfarm}:frames-${encodeURIComponent(model)}:${id}-0:lock`);
  return { frame, consumer };
}
