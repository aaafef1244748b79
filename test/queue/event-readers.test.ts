import { setTimeout as delay } from "node:timers/promises";
import type { JobId } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, startQueueRedis } from "./farm-fixture.js";
import { jobOf } from "./order-run.js";

const READERS = 3_000;
const JOBS = 100;

/** Milliseconds in which idle readers must ask for nothing. */
const IDLE_MS = 3_000;

/** Commands that Redis may see meanwhile: those of this test and of a connection that keeps itself alive. */
const COMMANDS_MAX = 20;

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

async function commandsSoFar(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await inspector.info("stats"))?.[1]);
}

describe("events()", () => {
  it("costs Redis nothing while thousands of readers wait, and reaches each when something happens", async () => {
    const model = freshModel();
    const jobs = Array.from({ length: JOBS }, () => jobOf(model, "many"));
    await Promise.all(jobs.map((job) => farm.submit(job)));
    const ends = new Map<string, number>();
    let waiting = 0;
    const read = async (id: JobId) => {
      for await (const event of farm.events(id, { signal: new AbortController().signal })) {
        if (event.type === "job.queued") waiting++;
        if (event.type === "job.canceled") ends.set(id, (ends.get(id) ?? 0) + 1);
      }
    };
    const readers = jobs.flatMap(({ id }) => Array.from({ length: READERS / JOBS }, () => read(id)));
    await expect.poll(() => waiting, { timeout: 20_000 }).toBe(READERS);
    // The look after the first event, by which a reader knows that it has to wait.
    await expect.poll(() => settled(), { timeout: 20_000, interval: 0 }).toBe(true);
    const before = await commandsSoFar();
    await delay(IDLE_MS);
    const idle = (await commandsSoFar()) - before;
    const [clients] = /connected_clients:(\d+)/.exec(await inspector.info("clients"))?.slice(1) ?? [];
    expect(idle).toBeLessThan(COMMANDS_MAX);
    expect(Number(clients)).toBeLessThan(10);
    for (const { id } of jobs) await farm.cancel(id);
    await Promise.all(readers);
    expect([...ends.values()]).toEqual(Array.from({ length: JOBS }, () => READERS / JOBS));
  });
});

/** True once Redis has had nothing to do for a while. */
async function settled(): Promise<boolean> {
  const before = await commandsSoFar();
  await delay(200);
  return (await commandsSoFar()) - before <= 2;
}
