import type { Metrics } from "./metrics.js";

/** How Redis is, as the queue reads it. */
export interface RedisNumbers {
  readonly pingMs: number;
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly isEvictionOff: boolean;
  readonly isAppendOnly: boolean;
}

const MS_PER_SECOND = 1_000;

/** Milliseconds that a scrape waits for Redis: scrapers give up after 5 to 10 s, and all else is worth having. */
const WAIT_MS_MAX = 2_000;

/** What is not known while Redis is away: a scrape must not tell what was true once. */
const KNOWN_BY_ANSWER = [
  "farm_redis_ping_seconds",
  "farm_redis_memory_bytes",
  "farm_redis_memory_max_bytes",
  "farm_redis_eviction_off",
  "farm_redis_append_only",
] as const;

/** Has Redis asked at each scrape. A Redis that is away is `farm_redis_up` 0, which is when metrics are needed most. */
export function tellRedis(
  metrics: Metrics,
  read: () => Promise<RedisNumbers>,
  waitMsMax: number = WAIT_MS_MAX,
): void {
  metrics.onScrape(async () => {
    try {
      const numbers = await within(read(), waitMsMax);
      metrics.set("farm_redis_up", {}, 1);
      metrics.set("farm_redis_ping_seconds", {}, numbers.pingMs / MS_PER_SECOND);
      metrics.set("farm_redis_memory_bytes", {}, numbers.memoryBytes);
      metrics.set("farm_redis_memory_max_bytes", {}, numbers.memoryBytesMax);
      metrics.set("farm_redis_eviction_off", {}, numbers.isEvictionOff ? 1 : 0);
      metrics.set("farm_redis_append_only", {}, numbers.isAppendOnly ? 1 : 0);
    } catch {
      metrics.set("farm_redis_up", {}, 0);
      for (const name of KNOWN_BY_ANSWER) metrics.forget(name);
    }
  });
}

async function within<Result>(work: Promise<Result>, msMax: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Redis is silent")), msMax);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
