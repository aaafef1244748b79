import { WINDOW_MIN } from "../../limits.js";
import type { Plan } from "./plan.js";
import { type Check, frameStatuses, numberOf, type Step } from "./view.js";

/** Work that two tenants were given since both have had frames to release. */
interface Race {
  readonly work: Map<string, number>;
  largest: number;
}

/**
 * While two tenants both have frames to release, what they are given, each divided by its weight, stays as close as
 * start-time fair queueing promises: one frame of each, and for one that comes later the frames that lay ready by then.
 * Source: P. Goyal, H. Vin, H. Cheng, "Start-time Fair Queuing", 1996, theorem 1.
 */
export function createSharesCheck(plan: Plan): Check {
  if (!plan.isFairness) return () => undefined;
  const races = new Map<string, Race>();
  const weights = new Map(plan.tenants.map(({ name, weight }) => [name, weight]));
  return (step) => {
    if (step.call.name !== "release") return undefined;
    const released = releasedWork(step);
    const names = plan.tenants.map(({ name }) => name);
    for (const one of names) {
      for (const other of names.filter((name) => name > one)) {
        const problem = runRace(step, races, { one, other, released, weights });
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  };
}

interface Pair {
  readonly one: string;
  readonly other: string;
  readonly released: readonly { readonly tenant: string; readonly units: number }[];
  readonly weights: ReadonlyMap<string, number>;
}

function runRace(step: Step, races: Map<string, Race>, pair: Pair): string | undefined {
  const { one, other, weights } = pair;
  const key = `${one} ${other}`;
  const race = races.get(key) ?? { work: new Map(), largest: 0 };
  races.set(key, race);
  const left = new Map([one, other].map((name) => [name, backlog(step, name)]));
  if ([...left.values()].includes(0)) {
    races.delete(key);
    return undefined;
  }
  for (const { tenant, units } of pair.released) {
    const before = left.get(tenant);
    if (before === undefined) continue;
    const share = units / (weights.get(tenant) ?? 1);
    race.largest = Math.max(race.largest, share);
    race.work.set(tenant, (race.work.get(tenant) ?? 0) + share);
    left.set(tenant, before - 1);
    const gap = Math.abs((race.work.get(one) ?? 0) - (race.work.get(other) ?? 0));
    const largest = largestShare(step, [one, other], weights);
    const most = largest * (2 + WINDOW_MIN);
    if (gap > most)
      return `tenants ${one} and ${other} are ${gap} units per weight apart, at most ${most} is fair`;
    if (before <= 1) {
      races.delete(key);
      return undefined;
    }
  }
  return undefined;
}

function largestShare(step: Step, names: readonly string[], weights: ReadonlyMap<string, number>): number {
  const shares = Object.values(step.after.jobs)
    .filter(({ record }) => names.includes(record.tenant ?? ""))
    .map(({ record }) => unitsOf(record) / (weights.get(record.tenant ?? "") ?? 1));
  return Math.max(0, ...shares);
}

function unitsOf(record: Readonly<Record<string, string | undefined>>): number {
  return numberOf(record, "step_units") * numberOf(record, "steps");
}

function releasedWork({ answer, after }: Step): readonly { tenant: string; units: number }[] {
  const work: { tenant: string; units: number }[] = [];
  for (let at = 1; at + 2 < answer.length; at += 3) {
    const record = after.jobs[answer[at] ?? ""]?.record ?? {};
    work.push({ tenant: record.tenant ?? "", units: unitsOf(record) });
  }
  return work;
}

/** Frames of a tenant that were not released before this call. */
function backlog({ before }: Step, tenant: string): number {
  return Object.values(before.jobs)
    .filter(({ record }) => record.tenant === tenant)
    .reduce((sum, { record }) => {
      const next = numberOf(record, "next");
      return (
        sum + frameStatuses(record).filter((status, index) => index >= next && status === "queued").length
      );
    }, 0);
}
