import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, readLog, resultOf, startQueueRedis, workerInfo } from "./farm-fixture.js";

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

describe("submit()", () => {
  it("gives the first job for the same key and body, and refuses another body", async () => {
    const model = freshModel();
    const key = "any text: {}\n";
    const first = await farm.submit({ ...newJob(model), idempotency: { key, bodyHash: "a" } });
    const again = await farm.submit({ ...newJob(model), idempotency: { key, bodyHash: "a" } });
    expect(again.id).toBe(first.id);
    const other = farm.submit({ ...newJob(model), idempotency: { key, bodyHash: "b" } });
    await expect(other).rejects.toMatchObject({ code: "idempotency_conflict", details: { job: first.id } });
  });

  it("makes one job of many submits with one key at once", async () => {
    const model = freshModel();
    const idempotency = { key: model, bodyHash: "a" };
    const jobs = await Promise.all(
      Array.from({ length: 16 }, () => farm.submit({ ...newJob(model), idempotency })),
    );
    expect(new Set(jobs.map((job) => job.id)).size).toBe(1);
    let drawn = 0;
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 4,
      process: async (frame) => {
        drawn++;
        return resultOf(frame);
      },
    });
    await endOf(farm, jobs[0]?.id ?? newJob(model).id);
    expect(drawn).toBe(1);
  });

  it("sets a lifetime on everything that it writes for a job", async () => {
    await using client = disposable(new Redis(redis.url));
    const job = await farm.submit(newJob(freshModel()));
    const keys = await client.redis.keys(`*${job.id}`);
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys.filter((name) => !name.includes(":frames-"))) {
      expect(await client.redis.ttl(key)).toBeGreaterThan(0);
    }
  });
});

describe("events()", () => {
  it("replays after an id and ends for a reader who has it all", async () => {
    const model = freshModel();
    const job = await farm.submit(newJob(model));
    await farm.cancel(job.id);
    expect((await readLog(farm, job.id, 1)).map((event) => event.id)).toEqual([2]);
    expect(await readLog(farm, job.id, 2)).toEqual([]);
    expect(await readLog(farm, job.id, 99)).toEqual([]);
  });

  it("gives many live readers the same log", async () => {
    const model = freshModel();
    const job = await farm.submit(newJob(model, { num_images: 4 }));
    const readers = Array.from({ length: 8 }, () => readLog(farm, job.id));
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 4,
      process: async (frame) => {
        await frame.started();
        for (let step = 1; step <= 4; step++) await frame.progress(step, 4);
        return resultOf(frame);
      },
    });
    const logs = await Promise.all(readers);
    for (const log of logs) expect(log).toEqual(logs[0]);
    expect(logs[0]).toHaveLength(1 + 1 + 16 + 4 + 1);
  });

  it("ends quietly on abort and refuses an unknown job", async () => {
    const job = await farm.submit(newJob(freshModel()));
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const event of farm.events(job.id, { signal: controller.signal })) {
      seen.push(event.type);
      controller.abort();
    }
    expect(seen).toEqual(["job.queued"]);
    await expect(readLog(farm, newJob("m").id)).rejects.toMatchObject({ code: "not_found" });
  });
});

describe("announceWorker()", () => {
  it("lists workers until they retire and keeps their model known", async () => {
    const model = freshModel();
    await farm.announceWorker(workerInfo("b", model));
    await farm.announceWorker(workerInfo("a", model));
    expect((await farm.workers()).map((worker) => worker.id)).toEqual(["a", "b"]);
    await farm.retireWorker("a");
    await farm.retireWorker("b");
    expect(await farm.workers()).toEqual([]);
    expect((await farm.models()).map((info) => info.name)).toContain(model);
  });
});

function disposable(client: Redis): AsyncDisposable & { redis: Redis } {
  return { redis: client, [Symbol.asyncDispose]: async () => client.disconnect() };
}
