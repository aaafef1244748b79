import { ModelledOrder } from "@latentfarm/queue/testing";
import { COLD_START, type ColdStart, GPUS, HOUR_MS, SPOT, type Spot } from "./assumptions.js";
import { type DayOptions, makeDay } from "./day-of-load.js";
import { type DayReport, reportDay } from "./day-report.js";
import { DEFAULTS, makePool, type PolicyOptions } from "./policies.js";
import {
  backlogSeconds,
  clairvoyant,
  configuredBacklogSeconds,
  gpuUse,
  openFrames,
  queueLength,
} from "./scaling-signals.js";
import { type DayPlan, type PoolPlan, simulateDay } from "./simulate-day.js";

/** One way to run a farm, to be played on several days. */
export interface StudyCase {
  readonly name: string;
  /** The line of the plot that it is a point of. */
  readonly line?: string;
  readonly pools: readonly PoolPlan[];
  readonly day?: DayOptions;
  readonly isSaving?: boolean;
  readonly prometheusAway?: DayPlan["prometheusAway"];
}

/** Cases that answer one question. */
export interface Study {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly StudyCase[];
}

/** A case with what its days came to, by seed. */
export interface StudyResult {
  readonly study: string;
  readonly case: StudyCase;
  readonly reports: readonly DayReport[];
}

/** The name of the case with the chart's defaults, in every study that has it. */
export const DEFAULT_CASE = "the defaults";

/** Ten times as many ends of spot nodes, a third of them without a word. */
const ROUGH: Spot = { ...SPOT, endsPerHour: 10 * SPOT.endsPerHour, toldShare: 0.7 };

const HALF: ColdStart = scaleColdStart(0.5);
const TWICE: ColdStart = scaleColdStart(2);

/** Every study of `./farm bench autoscale`. */
export const STUDIES: readonly Study[] = [
  {
    name: "signals",
    title: "What to scale on",
    cases: [
      one(DEFAULT_CASE, {}, { line: "backlog seconds" }),
      ...lineOf("backlog seconds", [15, 30, 120, 240], (target) => ({ signal: backlogSeconds, target })),
      ...lineOf("frames that wait", [1, 2, 4, 8], (target) => ({ signal: queueLength, target })),
      ...lineOf("frames that wait or run", [1, 2, 3, 4, 8], (target) => ({ signal: openFrames, target })),
      ...lineOf("GPU use", [0.5, 0.6, 0.7, 0.8, 0.9], (target) => ({
        signal: gpuUse,
        metricType: "value",
        target,
      })),
      ...lineOf("clairvoyant", [180, 300, 450], (target) => ({ signal: clairvoyant, target })),
      ...lineOf("fixed", [4, 6, 8, 12], (replicas) => ({ replicas })),
    ],
  },
  {
    name: "pictures",
    title: "The same settings on days of lighter and heavier pictures",
    cases: [0.25, 1, 3].flatMap((weight) => {
      const day = { weight, largeFrames: 0 };
      const name = (signal: string) => `${signal}, steps x ${weight}`;
      return [
        one(name("backlog seconds 60"), {}, { day }),
        one(name("frames that wait 2"), { signal: queueLength, target: 2 }, { day }),
        one(name("frames that wait or run 3"), { signal: openFrames, target: 3 }, { day }),
        one(name("GPU use 0.8"), { signal: gpuUse, metricType: "value", target: 0.8 }, { day }),
      ];
    }),
  },
  {
    name: "interruptions",
    title: "What becomes of half-done pictures",
    cases: [1, 3].flatMap((weight) =>
      [10, 60, 90].flatMap((drainSeconds) =>
        [true, false].map((isSaving) => {
          const end = isSaving ? "go on from snapshots" : "begin anew";
          const name = `steps x ${weight}, drain of ${drainSeconds} s, ${end}`;
          return one(name, { spot: ROUGH, drainSeconds }, { isSaving, day: { weight, largeFrames: 0 } });
        }),
      ),
    ),
  },
  {
    name: "settings",
    title: "One setting at a time",
    cases: [
      one(DEFAULT_CASE, {}),
      ...[1, 4, 8, 16].map((slots) => one(`${slots} frames in flight a worker`, { slots })),
      ...[0, 300, 900].map((downStabilizationSeconds) =>
        one(`window down of ${downStabilizationSeconds} s`, { downStabilizationSeconds }),
      ),
      ...[30, 120].map((upStabilizationSeconds) =>
        one(`window up of ${upStabilizationSeconds} s`, { upStabilizationSeconds }),
      ),
      one("all pods down at once", { downPods: DEFAULTS.maxReplicas }),
      one("a pod down in 5 minutes", { downPeriodSeconds: 300 }),
      ...[0, 2, 3].map((min) => one(`at least ${min}`, { min })),
      one("at least 0, polled every 30 s", { min: 0, pollingSeconds: 30 }),
      one("at least 0, gone after 60 s", { min: 0, cooldownSeconds: 60 }),
      ...[6, 24].map((max) => one(`at most ${max}`, { max })),
    ],
  },
  {
    name: "faults",
    title: "What is not as it was taken to be",
    cases: [
      one(DEFAULT_CASE, {}),
      one("rate configured, not measured", { signal: configuredBacklogSeconds }),
      one("rate configured at half", { signal: configuredBacklogSeconds, configuredRate: GPUS.l4.rate / 2 }),
      one("rate configured at twice", { signal: configuredBacklogSeconds, configuredRate: GPUS.l4.rate * 2 }),
      one("cold starts of half the time", {}, { coldStart: HALF }),
      one("cold starts of twice the time", {}, { coldStart: TWICE }),
      ...[1, 2, 4].map((fallbackReplicas) =>
        one(
          `no Prometheus from 5:00 to 10:00, fallback ${fallbackReplicas}`,
          { fallbackReplicas },
          { prometheusAway: [[5 * HOUR_MS, 10 * HOUR_MS]] },
        ),
      ),
      {
        name: "two pools: L4 and A10G by 0.7 and 0.3",
        pools: [
          makePool({ signal: configuredBacklogSeconds, share: 0.7, max: 9 }),
          makePool({ signal: configuredBacklogSeconds, share: 0.3, max: 5, gpu: "a10g" }),
        ],
      },
    ],
  },
];

/** The plan of a case on the day of a seed. */
export function planDay(study: StudyCase, seed: number): DayPlan {
  const { pools, isSaving = true, prometheusAway } = study;
  const day = makeDay(seed, study.day);
  return { day, seed, pools, isSaving, ...(prometheusAway === undefined ? {} : { prometheusAway }) };
}

/** Plays a case on the days of these seeds, with the order in memory. */
export async function runCase(study: StudyCase, seeds: readonly number[]): Promise<readonly DayReport[]> {
  const reports: DayReport[] = [];
  for (const seed of seeds) {
    reports.push(reportDay(await simulateDay(planDay(study, seed), new ModelledOrder()), GPUS.l4.rate));
  }
  return reports;
}

function one(
  name: string,
  options: PolicyOptions,
  rest: Omit<StudyCase, "name" | "pools"> & { readonly coldStart?: ColdStart } = {},
): StudyCase {
  const { coldStart, ...others } = rest;
  const pool = makePool(options);
  return { name, pools: [coldStart === undefined ? pool : { ...pool, coldStart }], ...others };
}

function lineOf(
  line: string,
  targets: readonly number[],
  options: (target: number) => PolicyOptions,
): readonly StudyCase[] {
  return targets.map((target) => one(`${line} ${target}`, options(target), { line }));
}

function scaleColdStart(by: number): ColdStart {
  const times = ([low, high]: readonly [number, number]) => [low * by, high * by] as const;
  const { node, image, cache, load } = COLD_START;
  return { node: times(node), image: times(image), cache: times(cache), load: times(load) };
}
