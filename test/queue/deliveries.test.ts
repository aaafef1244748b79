import { setTimeout as delay } from "node:timers/promises";
import { connectQueue, type DeliverOptions, type Farm } from "@latentfarm/queue";
import { BREAKER_POLICY } from "@latentfarm/webhooks";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import {
  delivered,
  deliveryWith,
  eventually,
  hookedJob,
  Receiver,
  refused,
  SHORT_SCHEDULE_MS,
} from "./delivery-fixture.js";
import { type FreshFarm, onFreshFarms } from "./farm-fixture.js";

let server: FreshFarm["server"];
let farm: Farm;
let redis: Redis;

onFreshFarms((own) => {
  ({ farm, redis, server } = own);
});

function courier(receiver: Receiver, options: Partial<DeliverOptions> = {}) {
  return farm.webhooks.deliver({
    concurrency: 16,
    scheduleMs: SHORT_SCHEDULE_MS,
    breaker: { ...BREAKER_POLICY, failuresMax: 1_000 },
    send: receiver.send,
    ...options,
  });
}

describe("deliver()", () => {
  it("delivers an event once, with the job as its data, and forgets the outbox", async () => {
    const receiver = new Receiver();
    await using _courier = courier(receiver, { publicUrl: "https://farm.example" });
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/hook?token=x" });
    const id = await job.emit("job.succeeded", 7);
    const delivery = await deliveryWith(farm, id, "delivered");
    expect(delivery).toMatchObject({ job_id: job.id, endpoint: job.endpoint, sequence: 7, attempts_made: 1 });
    expect(receiver.received).toHaveLength(1);
    const [work] = receiver.received;
    expect(work).toMatchObject({ id, url: "https://receiver.example/hook?token=x", attempt: 1 });
    const body: unknown = JSON.parse(work?.body ?? "");
    expect(body).toMatchObject({ type: "job.succeeded", sequence: 7, data: { id: job.id } });
    expect(body).toMatchObject({ data: { urls: { self: `https://farm.example/v1/jobs/${job.id}` } } });
    expect(await redis.zcard("{latentfarm}:outbox")).toBe(0);
    expect((await farm.webhooks.jobDeliveries(job.id, { limit: 10 })).deliveries).toEqual([delivery]);
    expect(await redis.hget("{latentfarm}:counters", "deliveries_delivered")).toBe("1");
  });

  it("tries a failed delivery again by the schedule, with the same id and body", async () => {
    const receiver = new Receiver();
    receiver.answer = ({ attempt }) => (attempt < 3 ? refused(500) : delivered());
    await using _courier = courier(receiver);
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const id = await job.emit("job.succeeded", 1);
    const delivery = await deliveryWith(farm, id, "delivered");
    expect(delivery.attempts.map(({ status }) => status)).toEqual([200, 500, 500]);
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(receiver.received.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  it("counts an attempt once when its settling comes twice, as after a lost answer", async () => {
    const seen: string[][] = [];
    // Before the courier, since ioredis stumbles over a command that comes before the answer to MONITOR.
    const monitor = await new Redis(server.url).monitor();
    monitor.on("monitor", (_time: string, args: string[]) => {
      if (/^eval/i.test(args[0] ?? "") && args.some((text) => text.includes('"duration_ms"')))
        seen.push(args);
    });
    try {
      const receiver = new Receiver();
      await using _courier = courier(receiver, { scheduleMs: [500, 500] });
      // The very first settling is sent twice by itself: Redis does not know the script yet.
      const before = await hookedJob(farm, redis, { url: "https://receiver.example/" });
      await deliveryWith(farm, await before.emit("job.succeeded", 1), "delivered");
      receiver.answer = ({ attempt }) => (attempt === 1 ? refused(500) : delivered());
      const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
      const id = await job.emit("job.succeeded", 1);
      const settlings = () => seen.filter((args) => args.some((text) => text.includes(id)));
      const again = async (count: number) => {
        const [command = "", ...args] = await eventually("a settling", () => settlings()[count]);
        expect(await redis.call(command, ...args)).toEqual(["settled", 0]);
      };
      await again(0);
      const delivery = await deliveryWith(farm, id, "delivered");
      // The repeat of the first was seen as well.
      await again(2);
      expect(delivery).toMatchObject({ attempts_made: 2 });
      expect(await deliveryWith(farm, id, "delivered")).toEqual(delivery);
      expect(await redis.hget("{latentfarm}:counters", "deliveries_failed")).toBe("1");
      expect(await redis.hget("{latentfarm}:webhook:delivery:".concat(id), "round")).toBe("2");
    } finally {
      monitor.disconnect();
    }
  });

  it("waits as long as the receiver asks", async () => {
    const receiver = new Receiver();
    const times: number[] = [];
    receiver.answer = ({ attempt }) => {
      times.push(performance.now());
      return attempt === 1 ? refused(429, 1) : delivered();
    };
    await using _courier = courier(receiver);
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    await deliveryWith(farm, await job.emit("job.succeeded", 1), "delivered");
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  });

  it("makes a dead letter when the schedule is over, and sends it again on demand", async () => {
    const receiver = new Receiver();
    receiver.answer = () => refused(500);
    await using _courier = courier(receiver);
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const id = await job.emit("job.succeeded", 1);
    expect(await deliveryWith(farm, id, "dead")).toMatchObject({
      attempts_made: 3,
      next_attempt_at: null,
      dead_reason: "attempts_used",
    });
    expect(await redis.hget("{latentfarm}:counters", "deliveries_dead")).toBe("1");
    receiver.answer = ({ attempt }) => (attempt < 6 ? refused(500) : delivered());
    expect(await farm.webhooks.redeliver("other", id)).toBeUndefined();
    expect(await farm.webhooks.redeliver("default", id)).toMatchObject({ status: "pending" });
    expect(await deliveryWith(farm, id, "delivered")).toMatchObject({
      attempts_made: 6,
      dead_reason: null,
    });
    expect(new Set(receiver.of(id).map(({ body }) => body)).size).toBe(1);
    expect(await farm.webhooks.listDeliveries("default", { status: "dead", limit: 10 })).toEqual({
      deliveries: [],
      next_cursor: null,
    });
  });

  it("sends a delivered one again with the same body", async () => {
    const receiver = new Receiver();
    await using _courier = courier(receiver);
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const id = await job.emit("job.succeeded", 1);
    await deliveryWith(farm, id, "delivered");
    await farm.webhooks.redeliver("default", id);
    await eventually("the second sending", () => (receiver.received.length === 2 ? true : undefined));
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
  });

  it("disables an endpoint that is gone: what waits on it dies, and nothing is sent until it is enabled", async () => {
    const receiver = new Receiver();
    receiver.answer = ({ attempt }) => (attempt === 1 ? refused(500) : refused(410));
    await using _courier = courier(receiver, { scheduleMs: [500, 3_600_000] });
    const url = "https://receiver.example/gone";
    const job = await hookedJob(farm, redis, { url });
    const first = await job.emit("job.started", 1);
    const second = await job.emit("job.succeeded", 2);
    expect(await deliveryWith(farm, first, "dead")).toMatchObject({ dead_reason: "endpoint_gone" });
    expect(await deliveryWith(farm, second, "dead")).toMatchObject({ dead_reason: "endpoint_gone" });
    const later = await job.emit("job.failed", 3);
    expect(await deliveryWith(farm, later, "dead")).toMatchObject({
      attempts_made: 0,
      dead_reason: "endpoint_gone",
    });
    expect(await farm.webhooks.getEndpoint("default", job.endpoint)).toMatchObject({ disabled: "gone" });
    await expect(farm.webhooks.redeliver("default", later)).rejects.toMatchObject({
      code: "nothing_to_retry",
    });
    receiver.answer = delivered;
    expect(await farm.webhooks.enableEndpoint("other", job.endpoint, "open")).toBeUndefined();
    expect(await farm.webhooks.enableEndpoint("default", job.endpoint, "open")).toMatchObject({
      disabled: null,
    });
    await farm.webhooks.redeliver("default", later);
    await deliveryWith(farm, later, "delivered");
  });

  it("opens the circuit of an endpoint that fails, burns no attempts meanwhile, and closes it again", async () => {
    const receiver = new Receiver();
    receiver.answer = () => refused(503);
    const breaker = { ...BREAKER_POLICY, failuresMax: 2, pauseMs: 700 };
    await using _courier = courier(receiver, { breaker, scheduleMs: [20, 20, 20, 20] });
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const ids = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => job.emit("frame.failed", n)));
    const paused = await eventually("the pause", async () => {
      const endpoint = await farm.webhooks.getEndpoint("default", job.endpoint);
      return endpoint?.paused_until ? endpoint : undefined;
    });
    expect(Date.parse(paused.paused_until ?? "")).toBeGreaterThan(Date.now() - 700);
    receiver.answer = delivered;
    const sent = receiver.received.length;
    // The four that were under way, and one that took the place of the first to fail.
    expect(sent).toBeLessThanOrEqual(5);
    for (const id of ids) await deliveryWith(farm, id, "delivered");
    expect(await farm.webhooks.getEndpoint("default", job.endpoint)).toMatchObject({ paused_until: null });
    expect(receiver.received.length).toBe(sent + ids.length);
  });

  it("probes an open circuit by a delivery that is sent again on demand", async () => {
    const receiver = new Receiver();
    receiver.answer = () => refused(503);
    const breaker = { ...BREAKER_POLICY, failuresMax: 1, pauseMs: 600_000 };
    await using _courier = courier(receiver, { breaker, scheduleMs: [] });
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const id = await job.emit("job.failed", 1);
    await deliveryWith(farm, id, "dead");
    const waiting = await job.emit("job.succeeded", 2);
    await deliveryWith(farm, waiting, "pending");
    await farm.webhooks.redeliver("default", id);
    await eventually("the failed probe", () => (receiver.of(id).length === 2 ? true : undefined));
    expect(await deliveryWith(farm, id, "dead")).toMatchObject({ attempts_made: 2 });
    const endpoint = await farm.webhooks.getEndpoint("default", job.endpoint);
    expect(Date.parse(endpoint?.paused_until ?? "")).toBeGreaterThan(Date.now() + 500_000);
    receiver.answer = delivered;
    await farm.webhooks.redeliver("default", id);
    await deliveryWith(farm, id, "delivered");
    await deliveryWith(farm, waiting, "delivered");
    expect(await farm.webhooks.getEndpoint("default", job.endpoint)).toMatchObject({ paused_until: null });
  });

  it("holds an endpoint to its places and no other endpoint up", async () => {
    const receiver = new Receiver();
    let open = 0;
    let most = 0;
    receiver.answer = async ({ url }) => {
      if (!url.includes("slow")) return delivered();
      open++;
      most = Math.max(most, open);
      await delay(300);
      open--;
      return delivered();
    };
    await using _courier = courier(receiver, { concurrency: 8 });
    const slow = await hookedJob(farm, redis, { url: "https://slow.example/" });
    const quick = await hookedJob(farm, redis, { url: "https://quick.example/" });
    const slowIds = await Promise.all(Array.from({ length: 24 }, (_, n) => slow.emit("frame.failed", n + 1)));
    await eventually("the slow endpoint to be full", () => (open === 4 ? true : undefined));
    const begun = performance.now();
    const id = await quick.emit("job.succeeded", 1);
    await eventually("the quick delivery", () => (receiver.of(id).length > 0 ? true : undefined));
    expect(performance.now() - begun).toBeLessThan(300);
    for (const slowId of slowIds) await deliveryWith(farm, slowId, "delivered");
    expect(most).toBe(4);
    expect(receiver.received).toHaveLength(25);
  });

  it("holds a tenant to its places, however many slow receivers it has", async () => {
    const receiver = new Receiver();
    let open = 0;
    let most = 0;
    receiver.answer = async ({ tenant }) => {
      if (tenant !== "slow") return delivered();
      open++;
      most = Math.max(most, open);
      await delay(1_000);
      open--;
      return delivered();
    };
    await using _courier = courier(receiver, { concurrency: 80 });
    const jobs = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        hookedJob(farm, redis, { url: `https://slow-${n}.example/`, tenant: "slow" }),
      ),
    );
    const slowIds = await Promise.all(
      jobs.flatMap((job) => [1, 2, 3, 4].map((n) => job.emit("frame.failed", n))),
    );
    await eventually("the tenant to be full", () => (open === 64 ? true : undefined));
    const quick = await hookedJob(farm, redis, { url: "https://quick.example/" });
    const begun = performance.now();
    const id = await quick.emit("job.succeeded", 1);
    await eventually("the quick delivery", () => (receiver.of(id).length > 0 ? true : undefined));
    expect(performance.now() - begun).toBeLessThan(800);
    for (const slowId of slowIds) await deliveryWith(farm, slowId, "delivered", "slow");
    expect(most).toBe(64);
    expect(receiver.received).toHaveLength(slowIds.length + 1);
  });

  it("keeps a job's order while nothing fails", async () => {
    const receiver = new Receiver();
    await using _courier = courier(receiver, { concurrency: 1 });
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const ids: string[] = [];
    for (let n = 1; n <= 10; n++) ids.push(await job.emit("frame.failed", n));
    for (const id of ids) await deliveryWith(farm, id, "delivered");
    expect(receiver.received.map(({ id }) => id)).toEqual(ids);
  });
});

describe("a courier that dies", () => {
  it("loses no delivery: the next one takes what was under way", async () => {
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const dying = await connectQueue({ redisUrl: server.url });
    const hanging = new Receiver();
    hanging.answer = () => new Promise(() => undefined);
    dying.webhooks.deliver({ concurrency: 4, send: hanging.send });
    const id = await job.emit("job.succeeded", 1);
    await eventually("the first sending", () => (hanging.received.length > 0 ? true : undefined));
    await dying[Symbol.asyncDispose]();
    const receiver = new Receiver();
    await using _courier = courier(receiver);
    await deliveryWith(farm, id, "delivered");
    expect(receiver.received[0]).toMatchObject({ id, body: hanging.received[0]?.body });
  }, 60_000);

  it("gives back what it could not finish, uncounted", async () => {
    const job = await hookedJob(farm, redis, { url: "https://receiver.example/" });
    const hanging = new Receiver();
    hanging.answer = ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    const first = courier(hanging);
    const id = await job.emit("job.succeeded", 1);
    await eventually("the first sending", () => (hanging.received.length > 0 ? true : undefined));
    await first.drain(0);
    const receiver = new Receiver();
    await using _courier = courier(receiver);
    const begun = performance.now();
    expect(await deliveryWith(farm, id, "delivered")).toMatchObject({ attempts_made: 1 });
    expect(performance.now() - begun).toBeLessThan(4_000);
  });
});
