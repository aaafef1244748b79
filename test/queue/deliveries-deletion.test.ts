import type { Farm } from "@latentfarm/queue";
import type { Redis } from "ioredis";
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
import { onFreshFarms } from "./farm-fixture.js";

const ENDPOINTS_MAX = 1_000;
const DAY_MS = 86_400_000;

let farm: Farm;
let redis: Redis;

onFreshFarms((own) => {
  ({ farm, redis } = own);
});

const courier = (receiver: Receiver) =>
  farm.webhooks.deliver({ concurrency: 8, scheduleMs: SHORT_SCHEDULE_MS, send: receiver.send });
const remove = (id: string, tenant = "default") => farm.webhooks.deleteEndpoint(tenant, id, "key:anna");

/** An answer that is given when the test says so. */
function heldAnswer(receiver: Receiver, answer = delivered): () => void {
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  receiver.answer = () => finished.then(answer);
  return finish;
}

describe("deleteEndpoint()", () => {
  it("makes dead letters of what waits, which can be sent once a job has named the address again", async () => {
    const receiver = new Receiver();
    receiver.answer = () => refused(503, 3_600);
    await using _courier = courier(receiver);
    const url = "https://left.example/hook";
    const job = await hookedJob(farm, redis, { url });
    const before = await farm.webhooks.readSecret("default", job.endpoint);
    const tried = await job.emit("job.queued", 1);
    await eventually("an attempt", () => (receiver.of(tried).length > 0 ? true : undefined));
    const ids = [tried, ...(await Promise.all([2, 3, 4].map((n) => job.emit("frame.failed", n))))];
    for (const id of ids) await deliveryWith(farm, id, "pending");
    expect(await remove(job.endpoint)).toBe(true);
    for (const id of ids)
      expect(await deliveryWith(farm, id, "dead")).toMatchObject({ dead_reason: "endpoint_deleted" });
    const later = await job.emit("job.succeeded", 9);
    expect(await deliveryWith(farm, later, "dead")).toMatchObject({
      dead_reason: "endpoint_deleted",
      attempts_made: 0,
    });
    await expect(farm.webhooks.redeliver("default", later)).rejects.toThrow(/its endpoint was deleted/);
    receiver.answer = delivered;
    const again = await farm.webhooks.ensureEndpoint("default", url);
    expect(again).toMatchObject({ id: job.endpoint, disabled: null, paused_until: null });
    const secret = await farm.webhooks.readSecret("default", job.endpoint);
    expect(secret).not.toBe(before);
    await farm.webhooks.redeliver("default", later);
    await deliveryWith(farm, later, "delivered");
    expect(receiver.of(later)[0]?.secrets).toEqual([secret]);
  });

  it("lets an attempt that is under way end, and nothing of the endpoint comes back by it", async () => {
    const receiver = new Receiver();
    await using _courier = courier(receiver);
    const job = await hookedJob(farm, redis, { url: "https://busy.example/" });
    for (const [sequence, answer, status] of [
      [1, () => refused(410), "dead"],
      [2, () => refused(500), "dead"],
      [3, () => refused(410), "dead"],
      [4, delivered, "delivered"],
    ] as const) {
      await farm.webhooks.ensureEndpoint("default", "https://busy.example/");
      const finish = heldAnswer(receiver, answer);
      const id = await job.emit("job.succeeded", sequence);
      await eventually("the attempt", () => (receiver.of(id).length === 1 ? true : undefined));
      expect(await remove(job.endpoint)).toBe(true);
      // The look at what waits may come before the attempt ends or after it.
      if (sequence > 1) await deliveryWith(farm, id, "dead");
      finish();
      const ended = await deliveryWith(farm, id, status);
      expect(ended.dead_reason).toBe(status === "dead" ? "endpoint_deleted" : null);
      await eventually("its log", async () => {
        const { deliveries } = await farm.webhooks.listDeliveries("default", { limit: 1 });
        return deliveries[0]?.attempts_made === 1 ? true : undefined;
      });
      expect(await redis.exists(`{latentfarm}:webhook:endpoint:${job.endpoint}`)).toBe(0);
    }
  });

  it("can be repeated for a day, by its own tenant alone, and is in the audit log once", async () => {
    const { id } = await farm.webhooks.ensureEndpoint("one", "https://a.example/");
    expect(await remove(id, "two")).toBe(false);
    expect(await farm.webhooks.getEndpoint("one", id)).toBeDefined();
    expect(await remove(id, "one")).toBe(true);
    expect(await remove(id, "one")).toBe(true);
    expect(await remove(id, "two")).toBe(false);
    expect(await farm.webhooks.listEndpoints("one")).toEqual([]);
    expect(await farm.webhooks.readSecret("one", id)).toBeUndefined();
    const { entries } = await farm.access.readAudit({ limit: 10 });
    expect(entries).toMatchObject([
      { actor: "key:anna", action: "endpoint.delete", target: `endpoint:${id}`, details: { tenant: "one" } },
    ]);
    const ttl = await redis.ttl(`{latentfarm}:webhook:deleted:${id}`);
    expect(ttl).toBeGreaterThan(DAY_MS / 1_000 - 60);
    expect(ttl).toBeLessThanOrEqual(DAY_MS / 1_000);
  });
});

describe("a tenant with all the endpoints that it may have", () => {
  const list = "{latentfarm}:webhook:endpoints:many";
  const address = (n: number) => `https://c.example/${n}`;
  const ensure = (n: number) => farm.webhooks.ensureEndpoint("many", address(n));
  /** Lets an endpoint be unused for so long. */
  const unusedFor = async (id: string, ms: number) => {
    await redis.zadd(list, Date.now() - ms, id);
    await redis.hset(`{latentfarm}:webhook:endpoint:${id}`, "used_ms", Date.now() - ms);
  };

  it("loses the one that was unused the longest, past 30 days and with nothing pending", async () => {
    const made = await Promise.all(Array.from({ length: ENDPOINTS_MAX }, (_, n) => ensure(n)));
    const ids = made.map(({ id }) => id);
    const [waited = "", oldest = "", old = "", recent = ""] = ids;
    await unusedFor(recent, 30 * DAY_MS - 60_000);
    const refusal = { code: "quota_exceeded", details: { limit: "webhook_endpoints_max" } };
    await expect(ensure(ENDPOINTS_MAX)).rejects.toMatchObject(refusal);
    await unusedFor(waited, 50 * DAY_MS);
    await redis.zadd(`{latentfarm}:webhook:open:${waited}`, 1, "msg_1");
    await expect(ensure(ENDPOINTS_MAX)).rejects.toMatchObject(refusal);
    await unusedFor(oldest, 40 * DAY_MS);
    await unusedFor(old, 31 * DAY_MS);
    await ensure(ENDPOINTS_MAX);
    const left = new Set((await farm.webhooks.listEndpoints("many")).map(({ id }) => id));
    expect([waited, oldest, old, recent].map((id) => left.has(id))).toEqual([true, false, true, true]);
    expect(await farm.webhooks.readSecret("many", oldest)).toBeUndefined();
    expect(left.size).toBe(ENDPOINTS_MAX);
  });

  it("keeps one by using it", async () => {
    const { id } = await ensure(0);
    await unusedFor(id, 40 * DAY_MS);
    const used = await ensure(0);
    expect(used.id).toBe(id);
    expect(Date.parse(used.last_used_at)).toBeGreaterThan(Date.now() - 60_000);
    expect(Number(await redis.zscore(list, id))).toBeGreaterThan(Date.now() - 60_000);
  });

  it("lists them in the order in which they were made, whatever was used last", async () => {
    const ids: string[] = [];
    for (const n of [3, 1, 2]) {
      ids.push((await ensure(n)).id);
      await redis.hset(`{latentfarm}:webhook:endpoint:${ids.at(-1)}`, "created_ms", ids.length);
    }
    await unusedFor(ids[2] ?? "", 40 * DAY_MS);
    expect((await farm.webhooks.listEndpoints("many")).map(({ id }) => id)).toEqual(ids);
  });
});
