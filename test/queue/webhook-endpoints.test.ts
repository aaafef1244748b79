import { setTimeout as delay } from "node:timers/promises";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deliveryWith, hookedJob, Receiver } from "./delivery-fixture.js";
import { startQueueRedis } from "./farm-fixture.js";

let server: Awaited<ReturnType<typeof startQueueRedis>>;
let farm: Farm;
let redis: Redis;

beforeAll(async () => {
  server = await startQueueRedis();
  redis = new Redis(server.url);
  farm = await connectQueue({ redisUrl: server.url });
});

afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  redis.disconnect();
  await server[Symbol.asyncDispose]();
});

describe("ensureEndpoint()", () => {
  it("makes one endpoint of an address, whatever its query, also when asked at once", async () => {
    const urls = ["https://a.example/hook", "https://a.example/hook?id=1", "https://A.example:443/hook#x"];
    const made = await Promise.all(urls.map((url) => farm.webhooks.ensureEndpoint("acme", url)));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(made[0]).toMatchObject({ tenant: "acme", url: "https://a.example/hook", disabled: null });
    expect(await farm.webhooks.listEndpoints("acme")).toEqual([made[0]]);
    const other = await farm.webhooks.ensureEndpoint("acme", "https://a.example/other");
    expect(other.id).not.toBe(made[0]?.id);
  });

  it("keeps tenants apart", async () => {
    const url = "https://b.example/";
    const own = await farm.webhooks.ensureEndpoint("one", url);
    const others = await farm.webhooks.ensureEndpoint("two", url);
    expect(own.id).not.toBe(others.id);
    expect(await farm.webhooks.getEndpoint("two", own.id)).toBeUndefined();
    expect(await farm.webhooks.readSecret("two", own.id)).toBeUndefined();
    expect(await farm.webhooks.readSecret("one", "ep_none")).toBeUndefined();
    expect(
      await farm.webhooks.rotateSecret("two", own.id, { overlapSeconds: 0, actor: "open" }),
    ).toBeUndefined();
    const secrets = [
      await farm.webhooks.readSecret("one", own.id),
      await farm.webhooks.readSecret("two", others.id),
    ];
    expect(new Set(secrets).size).toBe(2);
    for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  });

  it("takes 1,000 of a tenant and refuses one more, by the limit's name", async () => {
    const ensure = (n: number) => farm.webhooks.ensureEndpoint("many", `https://c.example/${n}`);
    await Promise.all(Array.from({ length: 1_000 }, (_, n) => ensure(n)));
    await expect(ensure(1_000)).rejects.toMatchObject({
      code: "quota_exceeded",
      details: { limit: "webhook_endpoints_max" },
    });
    expect(await ensure(999)).toMatchObject({ tenant: "many" });
  });
});

describe("rotateSecret()", () => {
  it("signs with both secrets for the overlap and with the new one after it", async () => {
    const receiver = new Receiver();
    await using _courier = farm.webhooks.deliver({ concurrency: 4, send: receiver.send });
    const job = await hookedJob(farm, redis, { url: "https://d.example/", tenant: "acme" });
    const first = await farm.webhooks.readSecret("acme", job.endpoint);
    const rotation = { overlapSeconds: 1, actor: "cli:anna" };
    const rotated = await farm.webhooks.rotateSecret("acme", job.endpoint, rotation);
    expect(rotated?.previous_secret_until).not.toBeNull();
    expect(await farm.webhooks.readSecret("acme", job.endpoint)).toBe(rotated?.secret);
    const during = await job.emit("job.succeeded", 1);
    await deliveryWith(farm, during, "delivered", "acme");
    expect(receiver.of(during)[0]?.secrets).toEqual([rotated?.secret, first]);
    await delay(1_000);
    const after = await job.emit("job.succeeded", 2);
    await deliveryWith(farm, after, "delivered", "acme");
    expect(receiver.of(after)[0]?.secrets).toEqual([rotated?.secret]);
    expect(await farm.webhooks.getEndpoint("acme", job.endpoint)).toMatchObject({
      previous_secret_until: null,
    });
    const { entries } = await farm.access.readAudit({ limit: 1 });
    expect(entries).toMatchObject([
      { actor: "cli:anna", action: "endpoint.rotate", target: `endpoint:${job.endpoint}` },
    ]);
    expect(JSON.stringify(entries)).not.toContain("whsec_");
  });
});

describe("listDeliveries()", () => {
  it("gives pages newest first, and skips what Redis has forgotten", async () => {
    const receiver = new Receiver();
    await using _courier = farm.webhooks.deliver({ concurrency: 1, send: receiver.send });
    const job = await hookedJob(farm, redis, { url: "https://e.example/", tenant: "pages" });
    const ids: string[] = [];
    for (let n = 1; n <= 5; n++) {
      ids.unshift(await job.emit("frame.failed", n));
      await deliveryWith(farm, ids[0] ?? "", "delivered", "pages");
    }
    await redis.del(`{latentfarm}:webhook:delivery:${ids[2]}`);
    const idsOf = (page: { deliveries: { id: string }[] }) => page.deliveries.map(({ id }) => id);
    const first = await farm.webhooks.listDeliveries("pages", { limit: 2 });
    expect(idsOf(first)).toEqual([ids[0], ids[1]]);
    const cursor = first.next_cursor ?? undefined;
    const second = await farm.webhooks.jobDeliveries(job.id, { limit: 2, cursor });
    expect(idsOf(second)).toEqual([ids[3], ids[4]]);
    expect(second.next_cursor).toBeNull();
    expect(idsOf(await farm.webhooks.listDeliveries("nobody", { limit: 2 }))).toEqual([]);
    await expect(farm.webhooks.listDeliveries("pages", { limit: 2, cursor: "(x" })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});
