import { FarmError, type JobParams } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, readLog, resultOf, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";

/** Fails the frame at once. */
const LASTING = new FarmError("invalid_request", "Cannot draw it");
/** Is tried again. */
const PASSING = new FarmError("engine_crashed", "Cannot finish the frame");

/** What the estimates are made of is up to a second old. */
const POLL = { timeout: 5_000 };

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

function job(model: string, params: Partial<JobParams> = {}) {
  return newJob(model, { seed: "1", ...params });
}

function hold(model: string, gate: Gate, concurrency = 1) {
  return farm.consume({ model, workerId: "w", concurrency, process: gate.process });
}

describe("retry()", () => {
  it("draws the failed frames alone again, with fresh budgets, and goes on in the same log", async () => {
    const model = freshModel();
    const drawn: string[] = [];
    let broken = true;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        drawn.push(`${frame.index}.${frame.attempt}`);
        if (broken && frame.index !== 1) throw LASTING;
        // Three tries as at first: the one that failed is forgotten.
        if (frame.index === 2 && frame.attempt < 4) throw PASSING;
        return resultOf(frame);
      },
    });
    const { id } = await farm.submit(job(model, { num_images: 3 }));
    const first = await readLog(farm, id);
    expect(first.at(-1)?.type).toBe("job.failed");
    broken = false;
    const retried = await farm.retry(id);
    expect(retried).toMatchObject({ status: "queued", error: null, finished_at: null });
    expect(retried?.frames.map(({ status, error }) => [status, error])).toEqual([
      ["queued", null],
      ["succeeded", null],
      ["queued", null],
    ]);
    const rest = await readLog(farm, id, first.at(-1)?.id);
    expect(rest[0]).toMatchObject({ type: "job.retried", data: { frames: 2 } });
    expect(rest.at(-1)?.type).toBe("job.succeeded");
    expect(rest.map((event) => event.id)).toEqual(rest.map((_event, at) => first.length + at + 1));
    expect(drawn).toEqual(["0.1", "1.1", "2.1", "0.2", "2.2", "2.3", "2.4"]);
    expect(await endOf(farm, id)).toMatchObject({ status: "succeeded", progress: { frames_done: 3 } });
  });

  it("is done once with one key, though the job has failed again, and again with another", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = hold(model, gate);
    const { id } = await farm.submit(job(model));
    (await gate.next()).fail(LASTING);
    await endOf(farm, id);
    expect(await farm.retry(id, "k1")).toMatchObject({ status: "queued" });
    expect(await farm.retry(id, "k1")).toMatchObject({ id });
    await expect(farm.retry(id, "k2")).rejects.toMatchObject({ code: "nothing_to_retry" });
    (await gate.next()).fail(LASTING);
    await expect.poll(async () => (await farm.getJob(id))?.status).toBe("failed");
    expect(await farm.retry(id, "k1")).toMatchObject({ status: "failed" });
    // A key whose call was refused is not used up.
    expect(await farm.retry(id, "k2")).toMatchObject({ status: "queued" });
    (await gate.next()).succeed();
    await expect.poll(async () => (await farm.getJob(id))?.status).toBe("succeeded");
    expect((await readLog(farm, id)).filter(({ type }) => type === "job.retried")).toHaveLength(2);
    const other = await farm.submit(job(model));
    (await gate.next()).fail(LASTING);
    await endOf(farm, other.id);
    expect(await farm.retry(other.id, "k1")).toMatchObject({ status: "queued" });
    (await gate.next()).succeed();
  });

  it("is followed by a reader that came before the job failed", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = hold(model, gate);
    const { id } = await farm.submit(job(model));
    const types: string[] = [];
    const reading = (async () => {
      for await (const event of farm.events(id, { signal: AbortSignal.timeout(20_000) })) {
        types.push(event.type);
        // The reader is in the midst of the log when the job goes on.
        if (event.type === "job.failed") await farm.retry(id);
      }
    })();
    (await gate.next()).fail(LASTING);
    (await gate.next()).succeed();
    await reading;
    expect(types).toEqual([
      "job.queued",
      "job.started",
      "frame.failed",
      "job.failed",
      "job.retried",
      "job.started",
      "frame.succeeded",
      "job.succeeded",
    ]);
  });

  it("finds the frame again that BullMQ still holds as failed", async () => {
    const model = freshModel();
    let attempts = 0;
    await using _keeper = farm.keep({ onJobEnd: async () => undefined });
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      // The record says that the job has failed before BullMQ knows it: here the retry comes between.
      onJobEnd: async (record) => {
        if (record.status === "failed") await farm.retry(record.id);
      },
      process: async (frame) => {
        attempts++;
        if (attempts === 1) throw LASTING;
        return resultOf(frame);
      },
    });
    const { id } = await farm.submit(job(model));
    await expect.poll(async () => (await farm.getJob(id))?.status, { timeout: 10_000 }).toBe("succeeded");
    expect(attempts).toBe(2);
  });

  it("happens once when it is asked for many times at once", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = hold(model, gate, 4);
    const { id } = await farm.submit(job(model, { num_images: 2 }));
    for (let at = 0; at < 2; at++) (await gate.next()).fail(LASTING);
    await readLog(farm, id);
    await using other = await connectQueue({ redisUrl: redis.url });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, (_, at) => (at % 2 ? farm : other).retry(id)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (let at = 0; at < 2; at++) (await gate.next()).succeed();
    const log = await readLog(farm, id);
    expect(log.filter(({ type }) => type === "job.retried")).toHaveLength(1);
    expect(log.filter(({ type }) => type === "frame.succeeded")).toHaveLength(2);
  });

  it("refuses a job that has not failed, and knows no unknown one", async () => {
    const { id } = await farm.submit(job(freshModel()));
    await expect(farm.retry(id)).rejects.toMatchObject({ code: "nothing_to_retry" });
    await farm.cancel(id);
    await expect(farm.retry(id)).rejects.toMatchObject({ code: "nothing_to_retry" });
    expect(await farm.retry(job("m").id)).toBeUndefined();
  });

  it("leaves canceled siblings as they are, and keeps the places of other jobs right", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = hold(model, gate);
    const first = await farm.submit(job(model, { num_images: 20 }));
    const behind = await farm.submit(job(model, { num_images: 20 }));
    (await gate.next()).fail(LASTING);
    const running = await gate.next();
    await farm.cancel(first.id);
    // The rest of the first job is gone; the second's frames lie ready, one of them is with the worker.
    const second = await gate.next();
    expect(running.frame.signal.aborted).toBe(true);
    expect(second.frame.jobId).toBe(behind.id);
    expect((await farm.getJob(first.id))?.status).toBe("failed");
    const retried = await farm.retry(first.id);
    expect(retried?.frames.filter(({ status }) => status === "queued")).toHaveLength(1);
    const last = await farm.submit(job(model));
    // 19 of the second job, of which 4 lie ready, then the one that failed.
    await expect.poll(async () => (await farm.getJob(first.id))?.position, POLL).toBe(19);
    await expect.poll(async () => (await farm.getJob(last.id))?.position, POLL).toBe(20);
    second.succeed();
    for (let at = 0; at < 19; at++) (await gate.next()).succeed();
    const again = await gate.next();
    expect(again.frame).toMatchObject({ jobId: first.id, index: 0, attempt: 2 });
    again.succeed();
    expect(await endOf(farm, first.id)).toMatchObject({ status: "canceled", progress: { frames_done: 20 } });
    const held = await gate.next();
    held.succeed();
    await endOf(farm, last.id);
  });
});
