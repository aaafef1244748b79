import { setTimeout as delay } from "node:timers/promises";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cut, startCommandCutter } from "./command-cutter.js";
import {
  delivered,
  deliveryWith,
  eventually,
  hookedJob,
  Receiver,
  refused,
  SHORT_SCHEDULE_MS,
} from "./delivery-fixture.js";
import { startQueueRedis } from "./farm-fixture.js";

/** Commands of a courier from an event to a delivery that failed once and then arrived; measured: some 25. */
const COMMANDS = 30;

/** Longer than a lost lock takes to be seen, on two busy cores. */
const TIMEOUT_MS = 120_000;

let server: Awaited<ReturnType<typeof startQueueRedis>>;
beforeAll(async () => {
  server = await startQueueRedis({ databases: String(2 * COMMANDS + 2) });
});
afterAll(() => server[Symbol.asyncDispose]());

/**
 * A courier that is cut off from Redis at its `count`-th command, and another after it, in a database of their own. True
 * when the delivery was not done before that.
 */
async function crash(count: number, cut: Cut): Promise<boolean> {
  const url = `${server.url}/${2 * count + (cut === "after" ? 1 : 0)}`;
  const redis = new Redis(url);
  const receiver = new Receiver();
  // The first attempt of all fails, so that a retry is among what is cut.
  receiver.answer = () =>
    receiver.received.length === 1 ? refused(500) : { ...refused(500), status: 200, error: null };
  await using cutter = await startCommandCutter(url);
  await using farm = await connectQueue({ redisUrl: url });
  const dying = await connectQueue({ redisUrl: cutter.url });
  const options = { concurrency: 2, scheduleMs: SHORT_SCHEDULE_MS, send: receiver.send };
  const courier = dying.webhooks.deliver(options);
  await courier.ready();
  const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
  cutter.arm(count, cut);
  const id = await job.emit("job.succeeded", 1);
  await eventually("the cut or the delivery", async () =>
    cutter.isCut || (await isDelivered(farm, id)) ? true : undefined,
  );
  const ended = dying[Symbol.asyncDispose]();
  await using _next = farm.webhooks.deliver(options);
  await deliveryWith(farm, id, "delivered");
  expect(new Set(receiver.received.map((work) => work.body)).size).toBe(1);
  expect(new Set(receiver.received.map((work) => work.id))).toEqual(new Set([id]));
  await eventually("all to be done", async () => ((await leftovers(redis)) === 0 ? true : undefined));
  await ended;
  redis.disconnect();
  return cutter.isCut;
}

async function isDelivered(farm: Farm, id: string): Promise<boolean> {
  const { deliveries } = await farm.webhooks.listDeliveries("default", { status: "delivered", limit: 10 });
  return deliveries.some((delivery) => delivery.id === id);
}

/** Everything that stands for work that is not done. */
async function leftovers(redis: Redis): Promise<number> {
  const prefix = "{latentfarm}";
  const sets = ["outbox", "webhook:unqueued", "webhook:lines", "deliveries:delayed"];
  const lists = ["deliveries:wait", "deliveries:active"];
  const counts = await Promise.all([
    ...sets.map((name) => redis.zcard(`${prefix}:${name}`)),
    ...lists.map((name) => redis.llen(`${prefix}:${name}`)),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
}

describe("a courier that is cut off from Redis", () => {
  it.each(["before", "after"] as const)(
    "loses nothing and changes no body, at whichever command, %s it is carried out",
    async (cut) => {
      const counts = Array.from({ length: COMMANDS }, (_, i) => i + 1);
      const outcomes = await Promise.allSettled(counts.map((count) => crash(count, cut)));
      const failures = outcomes.flatMap((outcome, i) =>
        outcome.status === "rejected" ? [`${cut} command ${i + 1}: ${String(outcome.reason)}`] : [],
      );
      expect(failures).toEqual([]);
      const cuts = outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value);
      expect(cuts.length).toBeGreaterThan(COMMANDS / 2);
    },
    TIMEOUT_MS,
  );
});

describe("a Redis that goes away", () => {
  it("keeps due times over its restart, and what a receiver took meanwhile is written down or sent again", async () => {
    await using own = await startQueueRedis();
    const redis = new Redis(own.url);
    redis.on("error", () => undefined);
    await using farm = await connectQueue({ redisUrl: own.url });
    const receiver = new Receiver();
    await using courier = farm.webhooks.deliver({ concurrency: 4, scheduleMs: [3_000], send: receiver.send });
    await courier.ready();
    receiver.answer = () => refused(500);
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const waiting = await job.emit("job.failed", 1);
    await eventually("the first attempt", async () => {
      const { deliveries } = await farm.webhooks.jobDeliveries(job.id, { limit: 1 });
      return deliveries[0]?.attempts_made === 1 ? true : undefined;
    });
    receiver.answer = async (work) => {
      if (work.id !== waiting && receiver.of(work.id).length === 1) await own.kill();
      return delivered();
    };
    const taken = await job.emit("job.succeeded", 2);
    await eventually("the second sending", () => (receiver.of(taken).length > 0 ? true : undefined));
    await delay(1_000);
    await own.restart();
    await deliveryWith(farm, taken, "delivered");
    await deliveryWith(farm, waiting, "delivered");
    expect(new Set(receiver.of(taken).map(({ body }) => body)).size).toBe(1);
    redis.disconnect();
  }, 90_000);
});
