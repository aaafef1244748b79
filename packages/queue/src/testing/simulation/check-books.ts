import type { Fields } from "./observation.js";
import { type Check, frameStatuses, isOpen, numberOf, type View } from "./view.js";

interface Sums {
  frames: number;
  cost: number;
  running: number;
  done: number;
}

/** The books are exactly the sums over the records. */
export const checkBooks: Check = ({ after, before }) => {
  const tenants = sumsBy(after, (record) => record.tenant);
  for (const [name, { usage }] of Object.entries(after.tenants)) {
    const problem = compare(usage, tenants.get(name), ["frames", "cost", "running"]);
    if (problem !== undefined) return `${problem} in the books of tenant ${name}`;
  }
  const models = sumsBy(after, (record) => record.model);
  let frames = 0;
  for (const [name, { fair }] of Object.entries(after.models)) {
    const problem = compare(fair, models.get(name), ["frames", "cost", "running", "done"]);
    if (problem !== undefined) return `${problem} in the books of model ${name}`;
    frames += models.get(name)?.frames ?? 0;
    const was = before.models[name]?.fair ?? {};
    if (numberOf(fair, "v") < numberOf(was, "v")) return `virtual time goes back from ${was.v} to ${fair.v}`;
  }
  return numberOf(after.usage, "frames") === frames
    ? undefined
    : `frames of the farm is ${after.usage.frames}, the records say ${frames}`;
};

function compare(books: Fields, sums: Sums | undefined, names: readonly (keyof Sums)[]): string | undefined {
  const wrong = names.find((name) => numberOf(books, name) !== (sums?.[name] ?? 0));
  return wrong === undefined
    ? undefined
    : `${wrong} is ${books[wrong]}, the records say ${sums?.[wrong] ?? 0},`;
}

function sumsBy(view: View, nameOf: (record: Fields) => string | undefined): ReadonlyMap<string, Sums> {
  const all = new Map<string, Sums>();
  for (const { record } of Object.values(view.jobs)) {
    const name = nameOf(record);
    if (name === undefined) continue;
    const own = KNOWN_SUMS.get(record) ?? sumsOf(record);
    KNOWN_SUMS.set(record, own);
    const { frames, cost, running, done } = all.get(name) ?? NOTHING;
    all.set(name, {
      frames: frames + own.frames,
      cost: cost + own.cost,
      running: running + own.running,
      done: done + own.done,
    });
  }
  return all;
}

const NOTHING: Sums = { frames: 0, cost: 0, running: 0, done: 0 };

/** Records are looked at again and again, and most of them are the same as at the call before. */
const KNOWN_SUMS = new WeakMap<Fields, Sums>();

function sumsOf(record: Fields): Sums {
  const sums = { ...NOTHING };
  const units = numberOf(record, "step_units");
  for (const [index, status] of frameStatuses(record).entries()) {
    if (!isOpen(status)) continue;
    sums.frames++;
    sums.cost += units * numberOf(record, "steps");
    sums.done += units * numberOf(record, `${index}:step`);
    if (status === "running") sums.running++;
  }
  return sums;
}

/** What is left of a flow's load is what its jobs wait for, and no frame waits that no job knows of. */
export const checkLoad: Check = ({ after }) => {
  const waiting = new Map<string, { units: number; frames: number }>();
  for (const { record } of Object.values(after.jobs)) {
    const waits = numberOf(record, "waits");
    const name = `${record.model} ${record.tenant}|${record.class}`;
    const { units, frames } = waiting.get(name) ?? { units: 0, frames: 0 };
    const perFrame = numberOf(record, "step_units") * numberOf(record, "steps");
    waiting.set(name, { units: units + waits * perFrame, frames: frames + waits });
    const unreleased = numberOf(record, "frames") - numberOf(record, "next");
    if (waits < 0) return `a flow has let go more of a job than it was given: waits is ${waits}`;
    if (record.rest === "queued" && waits < unreleased)
      return `${unreleased} frames of a job wait, it says ${waits}`;
  }
  for (const [model, { load }] of Object.entries(after.models)) {
    for (const field of Object.keys(load).filter((field) => field.startsWith("e|"))) {
      const name = field.slice(2);
      const { units, frames } = waiting.get(`${model} ${name}`) ?? { units: 0, frames: 0 };
      const left = numberOf(load, field) - numberOf(load, `d|${name}`);
      const leftFrames = numberOf(load, `en|${name}`) - numberOf(load, `dn|${name}`);
      if (left !== units || leftFrames !== frames) {
        return `the load of flow ${name} is ${left} in ${leftFrames} frames, its jobs say ${units} in ${frames}`;
      }
    }
  }
  return undefined;
};
