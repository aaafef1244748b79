import { isDeepStrictEqual } from "node:util";
import { findRedisServer, ModelledOrder, PlayedOrder, startPrivateRedis } from "@latentfarm/queue/testing";
import { type DayPlan, type DayRecord, simulateDay } from "./simulate-day.js";

/** A day that was played on production's scripts beside the order in memory. */
export interface Witness {
  readonly name: string;
  readonly frames: number;
  readonly interruptions: number;
  /** Seconds that the scripts took. */
  readonly seconds: number;
  /** Every picture at the same moment, every scrape and every decision alike. */
  readonly isSame: boolean;
}

/** Plays a day twice. Throws when there is no Redis on this machine. */
export async function playTwice(name: string, plan: DayPlan): Promise<Witness> {
  const binary = findRedisServer();
  if (binary === undefined) throw new Error("Cannot play production's scripts: redis-server is absent");
  await using own = await startPrivateRedis(binary);
  const order = new PlayedOrder(own.redis, "{day}");
  await order.load();
  const startedMs = performance.now();
  const played = await simulateDay(plan, order);
  const seconds = (performance.now() - startedMs) / 1_000;
  const modelled = await simulateDay(plan, new ModelledOrder());
  return {
    name,
    frames: played.drawn.length,
    interruptions: played.interruptions,
    seconds: Number(seconds.toFixed(1)),
    isSame: isSameRecord(played, modelled),
  };
}

/** Whether two records tell the same day to the millisecond. */
export function isSameRecord(one: DayRecord, other: DayRecord): boolean {
  return isDeepStrictEqual(one, other);
}
