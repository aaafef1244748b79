import { PRIORITIES, PRIORITY_WEIGHTS } from "@latentfarm/contract";
import { WINDOW_MIN } from "../../limits.js";
import type { Fields } from "./observation.js";
import type { Plan } from "./plan.js";
import { type Check, frameStatuses, numberOf, type Step } from "./view.js";

/** Who is given work beside others: a tenant, or a class of one. */
interface Runner {
  readonly name: string;
  readonly weight: number;
  readonly owns: (record: Fields) => boolean;
}

/** Work by weight that two runners were given since both have had frames to release. */
type Race = readonly [{ readonly runner: Runner; work: number }, { readonly runner: Runner; work: number }];

/**
 * While two tenants both have frames to release, what they are given, each divided by its weight, stays as close as
 * start-time fair queueing promises: one frame of each, and for one that comes later the frames that lay ready by then.
 * The same holds for two classes of one tenant.
 * Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", 1996, theorem 1.
 */
export function createSharesCheck(plan: Plan): Check {
  if (!plan.isFairness) return () => undefined;
  const pairs = [
    ...pairsOf(plan.tenants.map(({ name, weight }) => runnerOf(name, weight))),
    ...plan.tenants.flatMap(({ name }) => pairsOf(PRIORITIES.map((priority) => classOf(name, priority)))),
  ];
  const races = new Map<number, Race>();
  return (step) => {
    if (step.call.name !== "release") return undefined;
    for (const [at, [one, other]] of pairs.entries()) {
      const race: Race = races.get(at) ?? [
        { runner: one, work: 0 },
        { runner: other, work: 0 },
      ];
      const outcome = runRace(step, race);
      if (typeof outcome === "string") return outcome;
      if (outcome) races.set(at, race);
      else races.delete(at);
    }
    return undefined;
  };
}

function runnerOf(name: string, weight: number): Runner {
  return { name, weight, owns: ({ tenant }) => tenant === name };
}

function classOf(tenant: string, priority: (typeof PRIORITIES)[number]): Runner {
  const owns = (record: Fields) => record.tenant === tenant && record.class === priority;
  return { name: `${tenant}|${priority}`, weight: PRIORITY_WEIGHTS[priority], owns };
}

function pairsOf(runners: readonly Runner[]): readonly (readonly [Runner, Runner])[] {
  return runners.flatMap((one, at) => runners.slice(at + 1).map((other) => [one, other] as const));
}

/** Lets a race go on by one release: true while both have frames left, or what is unfair. */
function runRace(step: Step, race: Race): boolean | string {
  const left = race.map(({ runner }) => waitingFrames(step, runner));
  if (left.includes(0)) return false;
  const most = Math.max(...race.map(({ runner }) => largestShare(step, runner))) * (2 + WINDOW_MIN);
  for (const record of releasedRecords(step)) {
    const at = race.findIndex(({ runner }) => runner.owns(record));
    const one = race[at];
    if (one === undefined) continue;
    one.work += unitsOf(record) / one.runner.weight;
    const gap = Math.abs(race[0].work - race[1].work);
    if (gap > most) {
      const names = race.map(({ runner }) => runner.name).join(" and ");
      return `${names} are ${gap} units per weight apart, at most ${most} is fair`;
    }
    const rest = (left[at] ?? 0) - 1;
    left[at] = rest;
    if (rest <= 0) return false;
  }
  return true;
}

function largestShare({ after }: Step, { owns, weight }: Runner): number {
  const owned = Object.values(after.jobs).filter(({ record }) => owns(record));
  return Math.max(0, ...owned.map(({ record }) => unitsOf(record) / weight));
}

function unitsOf(record: Fields): number {
  return numberOf(record, "step_units") * numberOf(record, "steps");
}

function releasedRecords({ answer, after }: Step): readonly Fields[] {
  const records: Fields[] = [];
  for (let at = 1; at + 2 < answer.length; at += 3) records.push(after.jobs[answer[at] ?? ""]?.record ?? {});
  return records;
}

/** Frames that were not released before this call. */
function waitingFrames({ before }: Step, { owns }: Runner): number {
  const owned = Object.values(before.jobs).filter(({ record }) => owns(record));
  return owned.reduce((sum, { record }) => {
    const next = numberOf(record, "next");
    return sum + frameStatuses(record).filter((status, index) => index >= next && status === "queued").length;
  }, 0);
}
