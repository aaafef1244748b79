import type { JobEvent, JobId } from "@latentfarm/contract";
import { connectQueue, type Farm, WORKER_KEPT_MS } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, readLog, resultOf, startQueueRedis, workerInfo } from "./farm-fixture.js";

/** Sets that grow with the fleet, as they are called in Redis. */
const WORKERS_KEY = "{latentfarm}:fleet:workers";
const MODELS_KEY = "{latentfarm}:fleet:models";
/** The first bytes of a JPEG in base64; only their form is looked at. */
const PREVIEW = "/9j/4AAQ";
const ENDED_TIMEOUT_MS = 10_000;

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

  it("findSubmitted() gives the first job without a new one, and refuses another body", async () => {
    const key = freshModel();
    expect(await farm.findSubmitted("default", { key, bodyHash: "a" })).toBeUndefined();
    const first = await farm.submit({ ...newJob(key), idempotency: { key, bodyHash: "a" } });
    expect((await farm.findSubmitted("default", { key, bodyHash: "a" }))?.id).toBe(first.id);
    const other = farm.findSubmitted("default", { key, bodyHash: "b" });
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

  it("sets a lifetime on everything that it keeps of a job that has ended", async () => {
    await using client = disposable(new Redis(redis.url));
    const job = await farm.submit(newJob(freshModel()));
    await farm.cancel(job.id);
    const keys = await client.redis.keys(`*${job.id}`);
    expect(keys.length).toBeGreaterThan(2);
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

  it("keeps the newest preview of a frame that runs, and none of one that has ended", async () => {
    const model = freshModel();
    const job = await farm.submit(newJob(model, { num_images: 2 }));
    const live = readLog(farm, job.id);
    let whileRunning: JobEvent[] = [];
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        await frame.started();
        for (let step = 1; step <= 3; step++) await frame.preview(PREVIEW);
        if (frame.index === 1) whileRunning = await logSoFar(job.id, "frame.preview");
        return resultOf(frame);
      },
    });
    await live;
    const previews = (log: readonly JobEvent[]) => log.filter(({ type }) => type === "frame.preview");
    expect(previews(whileRunning)).toMatchObject([{ data: { index: 1 } }]);
    const log = await readLog(farm, job.id);
    expect(previews(log)).toEqual([]);
    expect(log.map(({ id }) => id)).toEqual([1, 2, 6, 10, 11]);
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

  it("models() counts the live workers of each", async () => {
    const [served, lately] = [freshModel(), freshModel()];
    await farm.announceWorker(workerInfo("c", served));
    await farm.announceWorker(workerInfo("d", served));
    await farm.announceWorker(workerInfo("e", lately));
    await farm.retireWorker("e");
    const models = new Map((await farm.models()).map(({ name, workers }) => [name, workers]));
    expect([models.get(served), models.get(lately)]).toEqual([2, 0]);
  });

  it("forgets workers and models that have been silent for too long", async () => {
    await using client = disposable(new Redis(redis.url));
    const model = freshModel();
    await farm.announceWorker(workerInfo("killed", model));
    await client.redis.zadd(WORKERS_KEY, Date.now() - WORKER_KEPT_MS, "killed");
    await client.redis.zadd(`${MODELS_KEY}-seen`, 0, model);
    await farm.announceWorker(workerInfo("other", freshModel()));
    expect(await client.redis.zscore(WORKERS_KEY, "killed")).toBeNull();
    expect(await client.redis.zscore(WORKERS_KEY, "other")).not.toBeNull();
    expect(await client.redis.hget(MODELS_KEY, model)).toBeNull();
  });
});

describe("claimStore()", () => {
  it("claimStore() binds the farm to the first store and refuses any other", async () => {
    await farm.claimStore({ id: "a", place: "here:/one" });
    await farm.claimStore({ id: "a", place: "here:/one" });
    const other = farm.claimStore({ id: "b", place: "here:/two" });
    await expect(other).rejects.toMatchObject({ code: "config_invalid" });
    await expect(other).rejects.toThrow(/store is here:\/one.*is here:\/two/);
  });
});

/** The log up to an event of the given type. */
async function logSoFar(id: JobId, type: JobEvent["type"]): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  for await (const event of farm.events(id, { signal: AbortSignal.timeout(ENDED_TIMEOUT_MS) })) {
    events.push(event);
    if (event.type === type) break;
  }
  return events;
}

function disposable(client: Redis): AsyncDisposable & { redis: Redis } {
  return { redis: client, [Symbol.asyncDispose]: async () => client.disconnect() };
}
