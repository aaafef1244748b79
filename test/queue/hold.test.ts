import { setTimeout as delay } from "node:timers/promises";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { freshModel, newJob, readLog, startQueueRedis } from "./farm-fixture.js";
import { Gate } from "./gate.js";

/** Milliseconds in which an idle consumer would have taken a frame: it takes one within 20. */
const QUIET_MS = 1_000;

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

it("hold() takes no frames while those in flight go on, until resume()", async () => {
  const model = freshModel();
  const gate = new Gate();
  await using consumer = farm.consume({ model, workerId: "w", concurrency: 2, process: gate.process });
  const [first, second] = [await farm.submit(newJob(model)), await farm.submit(newJob(model))];
  const [one, other] = [await gate.next(), await gate.next()];
  await consumer.hold();
  const third = await farm.submit(newJob(model));
  one.succeed();
  other.succeed();
  for (const { id } of [first, second]) await readLog(farm, id);
  await delay(QUIET_MS);
  expect([gate.held, (await farm.getJob(third.id))?.status]).toEqual([0, "queued"]);
  await consumer.resume();
  (await gate.next()).succeed();
  expect((await readLog(farm, third.id)).at(-1)?.type).toBe("job.succeeded");
});

it("hold() of a consumer that waits for a frame lets that one come, and resume() undoes no drain", async () => {
  const model = freshModel();
  const gate = new Gate();
  const consumer = farm.consume({ model, workerId: "w", concurrency: 2, process: gate.process });
  await consumer.ready();
  await delay(QUIET_MS / 2);
  await consumer.hold();
  const [awaited, job] = [await farm.submit(newJob(model)), await farm.submit(newJob(model))];
  (await gate.next()).succeed();
  await readLog(farm, awaited.id);
  await delay(QUIET_MS);
  expect(gate.held).toBe(0);
  await consumer.drain(0);
  await consumer.resume();
  await delay(QUIET_MS);
  expect([gate.held, (await farm.getJob(job.id))?.status]).toEqual([0, "queued"]);
});
