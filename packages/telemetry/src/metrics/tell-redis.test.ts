import { expect, it } from "vitest";
import { createMetrics } from "./metrics.js";
import { tellRedis } from "./tell-redis.js";

it("tellRedis() tells what Redis answers, and only that it is away when it does not", async () => {
  const metrics = createMetrics("gateway");
  let away = false;
  tellRedis(metrics, async () => {
    if (away) throw new Error("away");
    return { pingMs: 2, memoryBytes: 7, memoryBytesMax: 0, isEvictionOff: true, isAppendOnly: false };
  });
  const told = async () => (await metrics.text()).split("\n").filter((line) => line.startsWith("farm_redis"));
  expect(await told()).toEqual([
    "farm_redis_up 1",
    "farm_redis_ping_seconds 0.002",
    "farm_redis_memory_bytes 7",
    "farm_redis_memory_max_bytes 0",
    "farm_redis_eviction_off 1",
    "farm_redis_append_only 0",
  ]);
  away = true;
  expect(await told()).toEqual(["farm_redis_up 0"]);
});

it("tellRedis() does not hold a scrape up for a Redis that is silent", async () => {
  const metrics = createMetrics("worker");
  tellRedis(metrics, () => new Promise(() => {}), 1);
  expect(await metrics.text()).toMatch(/^farm_redis_up 0$/m);
});
