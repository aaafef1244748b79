import { frameCost, type JobId, type JobParams, type JobRecord, type Priority } from "@latentfarm/contract";
import type { Farm } from "@latentfarm/queue";
import { newJob, resultOf } from "./farm-fixture.js";

/** Longer than any of these runs takes on a busy machine, so that a stuck one ends with its own message. */
const RUN_MS_MAX = 60_000;

/** Submits under way at once: their order is that of the calls, as they go out on one connection. */
const SUBMITS_AT_ONCE = 100;

/** A frame as a worker took it. */
export interface TakenFrame {
  readonly jobId: JobId;
  readonly index: number;
  readonly tenant: string;
  readonly priority: Priority;
  /** Megapixel-steps. */
  readonly cost: number;
}

/** A tenant's jobs of one kind. */
export interface Load {
  readonly tenant: string;
  readonly jobs: number;
  readonly params: Partial<JobParams>;
}

/** Gives a tenant its weight, as an administrator would. */
export async function setWeight(farm: Farm, tenant: string, weight: number): Promise<void> {
  await farm.access.setTenant(tenant, { weight, limits: {} }, "cli:test");
}

/** A job of a tenant with no limits; its seed leaves room for every frame. */
export function jobOf(model: string, tenant: string, params: Partial<JobParams> = {}) {
  return { ...newJob(model, { seed: "1", ...params }), tenant: { name: tenant, weight: 1, limits: {} } };
}

/** Submits loads, one after the other. */
export async function submitAll(farm: Farm, model: string, loads: readonly Load[]): Promise<JobRecord[]> {
  const jobs = loads.flatMap(({ tenant, jobs: count, params }) =>
    Array.from({ length: count }, () => jobOf(model, tenant, params)),
  );
  const records: JobRecord[] = [];
  for (let at = 0; at < jobs.length; at += SUBMITS_AT_ONCE) {
    const page = jobs.slice(at, at + SUBMITS_AT_ONCE);
    records.push(...(await Promise.all(page.map((job) => farm.submit(job)))));
  }
  return records;
}

/** Takes so many frames with one consumer that draws in no time, and gives them in the order in which it took them. */
export async function takeFrames(
  farm: Farm,
  run: {
    readonly model: string;
    readonly frames: number;
    readonly concurrency: number;
    /** Called with each frame before it is done. */
    readonly onFrame?: (frame: TakenFrame, at: number) => Promise<void>;
  },
): Promise<TakenFrame[]> {
  const taken: TakenFrame[] = [];
  let done = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  await using _consumer = farm.consume({
    model: run.model,
    workerId: "w",
    concurrency: run.concurrency,
    process: async (frame) => {
      const { jobId, index, tenant, priority, params } = frame;
      const entry = { jobId, index, tenant, priority, cost: frameCost(params) };
      taken.push(entry);
      await run.onFrame?.(entry, taken.length - 1);
      done++;
      if (done >= run.frames) finish();
      return resultOf(frame);
    },
  });
  const late = setTimeout(finish, RUN_MS_MAX);
  await finished;
  clearTimeout(late);
  if (done < run.frames) throw new Error(`only ${done} of ${run.frames} frames were taken`);
  return taken.slice(0, run.frames);
}

/** The part of a record in which each of these still has frames to come. */
export function whileBacklogged<Key>(
  taken: readonly TakenFrame[],
  keyOf: (frame: TakenFrame) => Key,
): readonly TakenFrame[] {
  const last = new Map<Key, number>();
  for (const [at, frame] of taken.entries()) last.set(keyOf(frame), at);
  return taken.slice(0, Math.min(...last.values()) + 1);
}

/** The work of each, in megapixel-steps. */
export function workBy<Key>(
  taken: readonly TakenFrame[],
  keyOf: (frame: TakenFrame) => Key,
): Map<Key, number> {
  const work = new Map<Key, number>();
  for (const frame of taken) work.set(keyOf(frame), (work.get(keyOf(frame)) ?? 0) + frame.cost);
  return work;
}

/** The largest departure of anyone's share from its weight, as a part of it, over all windows of so many frames. */
export function largestDeparture<Key>(
  taken: readonly TakenFrame[],
  keyOf: (frame: TakenFrame) => Key,
  options: { readonly weights: ReadonlyMap<Key, number>; readonly window: number; readonly stride: number },
): number {
  const { weights, window, stride } = options;
  const whole = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  let largest = 0;
  for (let at = 0; at + window <= taken.length; at += stride) {
    const work = workBy(taken.slice(at, at + window), keyOf);
    const total = [...work.values()].reduce((sum, part) => sum + part, 0);
    for (const [key, weight] of weights) {
      const share = (work.get(key) ?? 0) / total;
      largest = Math.max(largest, Math.abs(share / (weight / whole) - 1));
    }
  }
  return largest;
}
