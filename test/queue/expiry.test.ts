import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, readLog, resultOf, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";

/** Time that a job of these tests has to start. */
const START_MS = 300;

/** Longer than that and two rounds of the keeper. */
const EXPIRED_MS = 2_500;

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
let keeper: AsyncDisposable;
const filed: string[] = [];

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  keeper = farm.keep({ onJobEnd: async (job) => void filed.push(`${job.id} ${job.status}`) });
});

afterAll(async () => {
  await keeper[Symbol.asyncDispose]();
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** A job that expires soon, with frames that lie ready and frames that wait behind them. */
function shortLived(model: string, frames = 6) {
  const start_before = new Date(Date.now() + START_MS).toISOString();
  return { ...newJob(model, { seed: "1", num_images: frames }), start_before };
}

describe.concurrent("start_before", () => {
  it("ends a job that nobody could start, and has its history written", async () => {
    const { id } = await farm.submit(shortLived(freshModel()));
    expect((await readLog(farm, id)).map(({ type }) => type)).toEqual(["job.queued", "job.expired"]);
    const end = await endOf(farm, id);
    expect(new Set(end.frames.map(({ status }) => status))).toEqual(new Set(["expired"]));
    await expect.poll(() => filed, { timeout: 10_000 }).toContain(`${id} expired`);
  });

  it("ends a job behind a busy worker, which then draws what comes after it", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    await farm.submit(newJob(model));
    const busy = await gate.next();
    const { id } = await farm.submit(shortLived(model));
    const behind = await farm.submit(newJob(model));
    expect((await endOf(farm, id)).status).toBe("expired");
    busy.succeed();
    const next = await gate.next();
    expect(next.frame.jobId).toBe(behind.id);
    next.succeed();
    await endOf(farm, behind.id);
  });

  it("does not end a job that has started", async () => {
    const model = freshModel();
    const gate = new Gate();
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const { id } = await farm.submit(shortLived(model, 3));
    const first = await gate.next();
    await quiet();
    first.succeed();
    for (let at = 0; at < 2; at++) (await gate.next()).succeed();
    expect((await endOf(farm, id)).status).toBe("succeeded");
  });

  it("leaves a job to the worker that has just taken it", async () => {
    const model = freshModel();
    const gate = new Gate({ starts: false });
    await using _consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const { id } = await farm.submit(shortLived(model, 1));
    const taken = await gate.next();
    await quiet();
    expect((await farm.getJob(id))?.status).toBe("queued");
    await taken.frame.started();
    taken.succeed();
    expect((await endOf(farm, id)).status).toBe("succeeded");
  });

  it("ends a job that its worker gives back without having started it", async () => {
    const model = freshModel();
    const gate = new Gate({ starts: false });
    const consumer = farm.consume({ model, workerId: "w", concurrency: 1, process: gate.process });
    const { id } = await farm.submit(shortLived(model, 1));
    await gate.next();
    await quiet();
    await consumer.drain(0);
    expect(await endOf(farm, id)).toMatchObject({ status: "expired", started_at: null });
  });

  it("is over with a retry", async () => {
    const model = freshModel();
    let broken = true;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        if (broken) throw new TypeError("broken");
        return resultOf(frame);
      },
    });
    const { id } = await farm.submit(shortLived(model, 1));
    expect((await endOf(farm, id)).status).toBe("failed");
    await quiet();
    broken = false;
    await farm.retry(id);
    expect((await endOf(farm, id)).status).toBe("succeeded");
  });
});

function quiet(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, EXPIRED_MS));
}
