import type { CounterName } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { COUNTERS_KEY } from "../keys.js";
import { bounded } from "../redis/errors.js";

/**
 * Counts one of the farm's numbers up, for what no script counts.
 * @throws {FarmError} queue_unavailable
 */
export async function countUp(redis: Redis, name: CounterName): Promise<void> {
  await bounded("count", () => redis.hincrby(COUNTERS_KEY, name, 1));
}
