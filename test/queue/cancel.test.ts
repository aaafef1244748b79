import { FarmError, type JobParams, type JobRecord } from "@latentfarm/contract";
import { connectQueue, type Farm, type NewJob } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { startTcpProxy } from "../harness/tcp-proxy.js";
import { endOf, freshModel, newJob, readLog, resultOf, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";

/** A message between two connections takes a millisecond; a look by itself would take seconds. */
const FREE_MS_MAX = 1_000;

/** Longer than the delay before a second try. */
const QUIET_MS = 1_800;

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
/** Another process's connection: whoever cancels is not whoever submitted. */
let other: Farm;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  other = await connectQueue({ redisUrl: redis.url });
});

afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function job(model: string, params: Partial<JobParams> = {}): NewJob {
  return newJob(model, { seed: "1", ...params });
}

function hold(model: string, gate: Gate, concurrency = 1) {
  return farm.consume({ model, workerId: "w", concurrency, process: gate.process });
}

function statuses(record: JobRecord | undefined): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of record?.frames ?? []) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Expects that the queue is empty and its worker free: a job that comes now is drawn. */
async function expectRoom(model: string, gate: Gate): Promise<void> {
  const next = await farm.submit(job(model));
  const held = await gate.next();
  expect(held.frame.jobId).toBe(next.id);
  held.succeed();
  expect((await endOf(farm, next.id)).status).toBe("succeeded");
}

describe("cancel()", () => {
  it("ends what lies ready and what waits behind it at once", async () => {
    const model = freshModel();
    const { id } = await farm.submit(job(model, { num_images: 30 }));
    expect(statuses(await other.cancel(id))).toEqual({ canceled: 30 });
    expect((await readLog(farm, id)).map(({ type }) => type)).toEqual(["job.queued", "job.canceled"]);
    const gate = new Gate();
    await using _consumer = hold(model, gate);
    await expectRoom(model, gate);
  });

  it("ends what a worker has claimed and not started", async () => {
    const model = freshModel();
    const gate = new Gate({ starts: false });
    await using _consumer = hold(model, gate);
    const { id } = await farm.submit(job(model));
    const { frame } = await gate.next();
    expect(await other.cancel(id)).toMatchObject({ status: "canceled", started_at: null });
    await expect.poll(() => frame.signal.aborted).toBe(true);
    await expect(frame.started()).rejects.toMatchObject({ code: "canceled" });
    await expectRoom(model, gate);
  });

  it("stops what runs, and the slot is free for the next at once", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using consumer = hold(model, gate, 2);
    const { id } = await farm.submit(job(model, { num_images: 30 }));
    const [one, two] = [await gate.next(), await gate.next()];
    const canceledMs = performance.now();
    // Its answer is the job as it is then: the worker may have let go of both already.
    expect(["running", "canceled"]).toContain((await other.cancel(id))?.status);
    expect((await endOf(farm, id)).status).toBe("canceled");
    await expect.poll(() => consumer.active).toBe(0);
    expect(performance.now() - canceledMs).toBeLessThan(FREE_MS_MAX);
    expect([one.frame.signal.reason, two.frame.signal.reason]).toMatchObject([
      { code: "canceled" },
      { code: "canceled" },
    ]);
    await expectRoom(model, gate);
  });

  it("ends a frame between two tries, which is then not tried again", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = hold(model, gate);
    const { id } = await farm.submit(job(model));
    (await gate.next()).fail(new FarmError("engine_crashed", "Cannot finish the frame"));
    await expect.poll(async () => statuses(await farm.getJob(id))).toEqual({ queued: 1 });
    expect(await other.cancel(id)).toMatchObject({ status: "canceled", frames: [{ attempt: 1 }] });
    await expectRoom(model, gate);
    await quiet();
    expect(gate.held).toBe(0);
  });

  it("keeps a picture that was ready when the cancel came", async () => {
    const model = freshModel();
    let cancel: () => Promise<unknown> = async () => undefined;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        await cancel();
        return resultOf(frame);
      },
    });
    const submitted = job(model, { num_images: 2 });
    cancel = () => other.cancel(submitted.id);
    await farm.submit(submitted);
    const end = await endOf(farm, submitted.id);
    expect(end.status).toBe("canceled");
    expect(statuses(end)).toEqual({ succeeded: 1, canceled: 1 });
  });

  it("sticks though its worker and Redis die meanwhile", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using proxy = await startTcpProxy(Number(new URL(redis.url).port));
    const lost = await connectQueue({ redisUrl: `redis://127.0.0.1:${proxy.port}` });
    lost.consume({ model, workerId: "lost", concurrency: 1, process: gate.process });
    const { id } = await farm.submit(job(model, { num_images: 2 }));
    await gate.next();
    proxy.accept("refuse");
    proxy.reset();
    expect(await farm.cancel(id)).toMatchObject({ status: "running" });
    await redis.kill();
    await redis.restart();
    await expect
      .poll(
        () =>
          farm.ping().then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    let drawn = 0;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 2,
      process: async (frame) => {
        drawn++;
        return resultOf(frame);
      },
    });
    expect(statuses(await endOf(farm, id))).toEqual({ canceled: 2 });
    expect(drawn).toBe(0);
    await lost[Symbol.asyncDispose]();
  });
});

function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, QUIET_MS));
}
