import type { Priority } from "@latentfarm/contract";
import { quantileOf } from "../measure/summary.js";
import { LARGE_JOB_ID } from "./day-of-load.js";
import type { DayRecord, ScaleEvent } from "./simulate-day.js";

/** Seconds within which pictures of a class are wanted; nobody waits for those of `low`. */
export const WANTED_SECONDS: Readonly<Partial<Record<Priority, number>>> = { high: 180, normal: 600 };

/** Milliseconds after a step down within which a step up was one too many. */
const REVERSAL_MS = 900_000;

/** What a day came to, in numbers. */
export interface DayReport {
  /** Seconds of work for each ready worker, over the scrapes of the day: how far behind the farm was. */
  readonly backlogP50: number;
  readonly backlogP95: number;
  readonly backlogMax: number;
  /** Seconds from submit to picture. */
  readonly highP50: number;
  readonly highP95: number;
  readonly highP99: number;
  readonly normalP50: number;
  readonly normalP95: number;
  /** Hours from the submit of the large job to its last picture; 0 without one. */
  readonly largeHours: number;
  /** Share of the pictures of `high` and `normal` that came within what is wanted of their class. */
  readonly onTime: number;
  readonly gpuHours: number;
  readonly dollars: number;
  /** Megapixel-steps drawn twice, as a share of all that were asked for. */
  readonly wastedShare: number;
  readonly interruptions: number;
  readonly pods: number;
  /** Changes of the wanted replicas, and steps up within a quarter of an hour of a step down. */
  readonly changes: number;
  readonly reversals: number;
  readonly replicasMax: number;
}

/** Makes the numbers of a day. `rate` is the megapixel-steps a second of one worker that backlogs are told in. */
export function reportDay(record: DayRecord, rate: number): DayReport {
  const { drawn, samples, scaled, day } = record;
  const inDay = samples.filter(({ atMs }) => atMs < day.ms);
  const backlog = inDay.map((sample) => sample.backlog / rate / Math.max(1, sample.ready));
  const seconds = (priority: Priority) =>
    drawn.filter(({ job }) => job.priority === priority).map(({ ms }) => ms / 1_000);
  const high = seconds("high");
  const normal = seconds("normal");
  const large = drawn.filter(({ job }) => job.id === LARGE_JOB_ID).map(({ ms }) => ms / 3_600_000);
  const asked = drawn.reduce((sum, { job }) => sum + (job.side ** 2 / 1e6) * job.steps, 0);
  const wanted = drawn.filter(({ job }) => WANTED_SECONDS[job.priority] !== undefined);
  const met = wanted.filter(({ job, ms }) => ms <= (WANTED_SECONDS[job.priority] ?? 0) * 1_000);
  return {
    backlogP50: quantileOf(backlog, 0.5),
    backlogP95: quantileOf(backlog, 0.95),
    backlogMax: quantileOf(backlog, 1),
    highP50: quantileOf(high, 0.5),
    highP95: quantileOf(high, 0.95),
    highP99: quantileOf(high, 0.99),
    normalP50: quantileOf(normal, 0.5),
    normalP95: quantileOf(normal, 0.95),
    largeHours: large.reduce((most, one) => Math.max(most, one), 0),
    onTime: met.length / Math.max(1, wanted.length),
    gpuHours: record.gpuHours,
    dollars: record.dollars,
    wastedShare: record.wasted / asked,
    interruptions: record.interruptions,
    pods: record.pods,
    changes: scaled.length,
    reversals: countReversals(scaled),
    replicasMax: samples.reduce((most, { replicas }) => Math.max(most, replicas), 0),
  };
}

function countReversals(scaled: readonly ScaleEvent[]): number {
  const last = new Map<string, number>();
  let reversals = 0;
  for (const { atMs, pool, from, to } of scaled) {
    if (to < from) last.set(pool, atMs);
    else if (atMs - (last.get(pool) ?? Number.NEGATIVE_INFINITY) < REVERSAL_MS) reversals++;
  }
  return reversals;
}
