import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ModelledOrder } from "@latentfarm/queue/testing";
import { REPOSITORY_ROOT } from "../harness/index.js";
import { SPOT } from "./autoscale/assumptions.js";
import { type DrawnDay, drawStudies } from "./autoscale/draw-studies.js";
import { figuresOf, formatStudies } from "./autoscale/format-studies.js";
import { makePool, type PolicyOptions } from "./autoscale/policies.js";
import { clairvoyant, gpuUse } from "./autoscale/scaling-signals.js";
import { simulateDay } from "./autoscale/simulate-day.js";
import { planDay, runCase, STUDIES, type StudyResult } from "./autoscale/studies.js";
import { judgeStudies } from "./autoscale/study-verdict.js";
import { formatSummary, replaceSummary } from "./autoscale/summary-table.js";
import { playTwice, type Witness } from "./autoscale/witness.js";
import { describeMachine } from "./measure/machine.js";
import { readOptions } from "./measure/read-options.js";
import { publish } from "./measure/report.js";

/**
 * `./farm bench autoscale [--quick]`: what a day costs and how late its pictures are, by what the workers are scaled on.
 * Exit code 1 when production's scripts would have played a day otherwise, or a claim of docs/autoscaling.md fails.
 */
const SEEDS: readonly number[] = [1, 2, 3, 4, 5];

/** The hours of the day that is played with many interruptions. */
const ROUGH_HOURS = [8, 14] as const;

const options = readOptions({ flags: ["quick"] });
const isQuick = options.own.quick !== undefined;
const machine = describeMachine();
const seeds = isQuick ? SEEDS.slice(0, 1) : SEEDS;

const witnesses = await callWitnesses();
const results: StudyResult[] = [];
for (const study of STUDIES) {
  console.error(`autoscale: playing ${study.name}`);
  for (const one of study.cases) {
    results.push({ study: study.name, case: one, reports: await runCase(one, seeds) });
  }
}
const claims = judgeStudies(results);
const figures = results.map((result) => figuresOf(result, results));
await publish(
  {
    name: "autoscale",
    command: "./farm bench autoscale",
    machine,
    figures: { seeds, witnesses, claims, cases: figures },
    markdown: `${describeDays(witnesses)}\n\n${formatStudies(STUDIES, results, claims)}`,
  },
  { json: options.json, save: options.save && !isQuick },
);
if (options.save && !isQuick) {
  const docs = path.join(REPOSITORY_ROOT, "docs");
  await writeFile(path.join(docs, "autoscaling.png"), await drawStudies(results, await drawDays()));
  const page = path.join(docs, "autoscaling.md");
  const table = formatSummary(figures);
  await writeFile(page, replaceSummary(await readFile(page, "utf8"), table));
}
if (!witnesses.every(({ isSame }) => isSame) || (!isQuick && !claims.every(({ holds }) => holds))) {
  process.exitCode = 1;
}

/** Days on production's scripts: a whole one with the defaults, and some hours with many interruptions. */
async function callWitnesses(): Promise<readonly Witness[]> {
  const rough = { ...SPOT, endsPerHour: 2, toldShare: 0.5 };
  const hours = { hours: ROUGH_HOURS, largeFrames: 500 };
  const name = "six hours with two ends a node and hour, half of them without a word";
  const interrupted = { name, day: hours, pools: [makePool({ spot: rough, drainSeconds: 10 })] };
  const witnessed = [await playTwice(name, planDay(interrupted, 1))];
  if (isQuick) return witnessed;
  console.error("autoscale: playing a whole day on production's scripts");
  const whole = { name: "a whole day with the defaults", pools: [makePool()] };
  return [await playTwice(whole.name, planDay(whole, 1)), ...witnessed];
}

async function drawDays(): Promise<readonly DrawnDay[]> {
  const policies: readonly (readonly [string, PolicyOptions])[] = [
    ["GPU use", { signal: gpuUse, metricType: "value", target: 0.8 }],
    ["clairvoyant", { signal: clairvoyant, target: 300 }],
    ["backlog seconds", {}],
  ];
  const days: DrawnDay[] = [];
  for (const [name, policy] of policies) {
    const plan = planDay({ name, pools: [makePool(policy)] }, 1);
    days.push({ name, record: await simulateDay(plan, new ModelledOrder()) });
  }
  return days;
}

function describeDays(played: readonly Witness[]): string {
  const lines = played.map(
    ({ name, frames, interruptions, seconds, isSame }) =>
      `- ${name}: ${frames} frames, ${interruptions} interruptions, ${seconds} s: ${isSame ? "the same" : "NOT THE SAME"}`,
  );
  return [
    `Simulated days, ${seeds.length} seeds; means, ± the standard deviation between the days. No GPU was there: speeds are the`,
    "roofline's. On time: pictures of `high` within 180 s, of `normal` within 600 s of their submit. Behind: seconds of work",
    "for each ready worker. Large: hours until the job of 10,000 pictures is done. Against the defaults: points on time more",
    "or less on the same day, since days differ more than cases. docs/autoscaling.md explains the rest.",
    "",
    "The order in memory was held against production's scripts in a real Redis, picture by picture and scrape by scrape:",
    "",
    ...lines,
  ].join("\n");
}
