import { describe, expect, it } from "vitest";
import { createShortCache } from "./short-cache.js";

function cacheOf(load: (count: number) => Promise<number>) {
  const clock = { ms: 1_000, loads: 0 };
  const cache = createShortCache({
    load: () => load(++clock.loads),
    ageMsMax: 100,
    nowMs: () => clock.ms,
  });
  return { clock, cache };
}

describe("createShortCache()", () => {
  it("get() asks once for callers at the same time and until the value is too old", async () => {
    const { clock, cache } = cacheOf(async (count) => count);
    expect(await Promise.all([cache.get(), cache.get()])).toEqual([1, 1]);
    clock.ms += 99;
    expect(await cache.get()).toBe(1);
    clock.ms += 1;
    expect(await cache.get()).toBe(2);
  });

  it("get() asks again when the clock was set back", async () => {
    const { clock, cache } = cacheOf(async (count) => count);
    await cache.get();
    clock.ms -= 1;
    expect(await cache.get()).toBe(2);
  });

  it("refresh() asks at once, and get() gives its answer", async () => {
    const { cache } = cacheOf(async (count) => count);
    await cache.get();
    expect(await cache.refresh()).toBe(2);
    expect(await cache.get()).toBe(2);
  });

  it("get() keeps no failure", async () => {
    const { cache } = cacheOf(async (count) => {
      if (count === 1) throw new TypeError("away");
      return count;
    });
    await expect(cache.get()).rejects.toThrow("away");
    expect(await cache.get()).toBe(2);
  });
});
