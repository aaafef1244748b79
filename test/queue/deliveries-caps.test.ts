import type { Farm } from "@latentfarm/queue";
import type { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { delivered, deliveryWith, eventually, hookedJob, Receiver } from "./delivery-fixture.js";
import { onFreshFarms } from "./farm-fixture.js";

/** `webhook_pending_max`. */
const PENDING_MAX = 10_000;
const PENDING_KEY = "{latentfarm}:webhook:log:acme:pending";

let farm: Farm;
let redis: Redis;

onFreshFarms((own) => {
  ({ farm, redis } = own);
});

/** Lets a tenant have so many pending deliveries, as far as its list tells. */
async function pretendPending(count: number): Promise<void> {
  const members = Array.from({ length: count }, (_, n) => [-n, `pretended_${n}`] as const);
  await redis.zadd(PENDING_KEY, ...members.flat());
}

const counter = (name: string) => redis.hget("{latentfarm}:counters", name);

describe("a tenant whose receivers never answer", () => {
  it("has 10,000 pending deliveries at most: what comes past them is dead, with the reason", async () => {
    await pretendPending(PENDING_MAX - 1);
    const receiver = new Receiver();
    receiver.answer = () => new Promise(() => undefined);
    await using _courier = farm.webhooks.deliver({ concurrency: 4, send: receiver.send });
    const job = await hookedJob(farm, redis, { url: "https://silent.example/", tenant: "acme" });
    const last = await job.emit("job.started", 1);
    await eventually("the last that fits", () => (receiver.of(last).length === 1 ? true : undefined));
    expect(await redis.zcard(PENDING_KEY)).toBe(PENDING_MAX);
    const over = await job.emit("job.succeeded", 2);
    expect(await deliveryWith(farm, over, "dead", "acme")).toMatchObject({
      dead_reason: "too_many_pending",
      attempts_made: 0,
      next_attempt_at: null,
    });
    expect(await redis.zcard(PENDING_KEY)).toBe(PENDING_MAX);
    expect(receiver.of(over)).toEqual([]);
    expect(await counter("deliveries_overflowed")).toBe("1");
    expect(await counter("deliveries_dead")).toBe("1");
    const other = await hookedJob(farm, redis, { url: "https://other.example/" });
    const othersId = await other.emit("job.succeeded", 1);
    await eventually("another tenant's", () => (receiver.of(othersId).length === 1 ? true : undefined));
  });

  it("sends what did not fit again once there is room, and not before", async () => {
    await pretendPending(PENDING_MAX);
    const receiver = new Receiver();
    await using _courier = farm.webhooks.deliver({ concurrency: 4, send: receiver.send });
    const job = await hookedJob(farm, redis, { url: "https://back.example/", tenant: "acme" });
    const id = await job.emit("job.succeeded", 1);
    await deliveryWith(farm, id, "dead", "acme");
    await expect(farm.webhooks.redeliver("acme", id)).rejects.toMatchObject({
      code: "quota_exceeded",
      details: { limit: "webhook_pending_max" },
    });
    receiver.answer = delivered;
    await redis.zrem(PENDING_KEY, "pretended_0");
    expect(await farm.webhooks.redeliver("acme", id)).toMatchObject({ status: "pending", dead_reason: null });
    expect(await deliveryWith(farm, id, "delivered", "acme")).toMatchObject({ attempts_made: 1 });
  });

  it("may have a pending delivery sent at once, however many there are", async () => {
    const receiver = new Receiver();
    receiver.answer = () => new Promise(() => undefined);
    await using _courier = farm.webhooks.deliver({ concurrency: 4, send: receiver.send });
    const job = await hookedJob(farm, redis, { url: "https://silent.example/", tenant: "acme" });
    const id = await job.emit("job.succeeded", 1);
    await deliveryWith(farm, id, "pending", "acme");
    await pretendPending(PENDING_MAX);
    expect(await farm.webhooks.redeliver("acme", id)).toMatchObject({ status: "pending" });
  });
});
