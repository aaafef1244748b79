import { type ClassTurns, callCost, createClassTurns } from "./class-turns.js";
import type { FrameRun } from "./frame-run.js";
import {
  type CallPlan,
  classKey,
  type JoinOptions,
  type Member,
  patchesOf,
  pendingSlots,
  planCall,
  WEIGHT_MAX,
  WEIGHT_MIN,
} from "./plan-call.js";
import type { Denoise } from "./row-batch.js";
import { fixedCaps, type RowCaps, type RowLimits } from "./row-caps.js";
import { type BatchReport, type CallRunner, runCall } from "./run-call.js";
import { createWorkQueue, type WorkQueue } from "./work-queue.js";

/**
 * Rows of one denoiser call: past this the gain of sharing weights is gone on every machine measured, while the
 * activations go on growing by the row.
 */
export const BATCH_ROWS_MAX = 16;

/**
 * Image patches (16 x 16 pixels) of one denoiser call: 16 rows of 512 x 512 or 4 rows of 1024 x 1024. The activations
 * grow with it, some 40 kB a patch in SD3.5 Large's widest layer. A single frame may pass it alone.
 */
export const BATCH_PATCHES_MAX = 16_384;

/** Chooses rows, runs them and hands each frame what its sampler asked for. */
export interface StepBatcher {
  /** Frames that are at their steps. */
  readonly size: number;
  /**
   * Takes a frame in; it joins at the next batch. One that has no steps to take is not kept.
   * @throws {RangeError} when the weight is out of bounds
   */
  add(run: FrameRun, options?: JoinOptions): void;
  /** Drops a frame; the rows of a batch that already runs are thrown away. */
  remove(run: FrameRun): void;
  /**
   * Runs one batch and advances the samplers whose rows are complete. Frames that failed are marked so and dropped;
   * frames that are done are dropped too. Does nothing without frames.
   */
  runNext(): Promise<void>;
}

/** What a batcher may be given. */
export interface StepBatcherOptions {
  /** By default {@link BATCH_ROWS_MAX} for every class. */
  readonly caps?: RowCaps;
  /** By default {@link BATCH_PATCHES_MAX}. */
  readonly patchesMax?: number;
  /** Whose turn it is; by default {@link createClassTurns}. */
  readonly turns?: ClassTurns;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
  readonly onBatch?: (report: BatchReport) => void;
}

interface ClassCall {
  readonly limits: RowLimits;
  readonly plan: CallPlan;
  readonly cost: number;
  readonly weight: number;
}

/**
 * The step batcher. A frame asks for one row, or two with guidance; rows of one class (variant, latent size, text
 * length) share a call, whatever their prompt, seed, sigma, step and sampler. Frames join and leave between calls.
 *
 * Classes take turns by deficit round robin over the cost of their calls, each with the largest weight of its frames;
 * {@link turnWaitMax} bounds how long a class waits for its turn. Within a class the frames with the least work left
 * go first, up to the class's row cap; {@link createWorkQueue} bounds how long a frame waits there. Together: in all
 * its time a frame sits out at most the calls of its class that the work before it needed when it came, and those of
 * as much later work as its own; and before each call of its class pass at most `turnWaitMax` of other classes' cost.
 * A frame whose prompts differ in length needs a turn of each of two classes for a step.
 *
 * Faults are dealt with by {@link runCall}: they stay with the frame that has them.
 */
export function createStepBatcher(denoise: Denoise, options: StepBatcherOptions = {}): StepBatcher {
  const {
    caps = fixedCaps(BATCH_ROWS_MAX),
    patchesMax = BATCH_PATCHES_MAX,
    turns = createClassTurns(),
  } = options;
  const members = new Map<FrameRun, Member>();
  const queues = new Map<string, WorkQueue<Member>>();
  const runner: CallRunner = {
    denoise,
    caps,
    now: options.now ?? (() => performance.now()),
    onBatch: options.onBatch ?? (() => undefined),
    isMember: (run) => members.has(run),
    tagOf: (run) => members.get(run)?.tag ?? 0,
  };

  function drop(run: FrameRun): void {
    members.delete(run);
    for (const [key, queue] of queues) {
      for (const member of queue.items()) if (member.run === run) queue.remove(member);
      if (queue.size === 0) queues.delete(key);
    }
  }

  function planClass(key: string, queue: WorkQueue<Member>): ClassCall | undefined {
    const waiting = queue.items().filter((member) => pendingSlots(member, key).length > 0);
    const [first] = waiting;
    if (first === undefined) return undefined;
    const rows = waiting.reduce((sum, member) => sum + pendingSlots(member, key).length, 0);
    const limits = caps.limits(key, rows);
    const plan = planCall(key, waiting, { ...limits, patchesMax });
    const cost = callCost(plan.slots.length, patchesOf(first.run));
    return { limits, plan, cost, weight: Math.max(...waiting.map((member) => member.weight)) };
  }

  return {
    get size() {
      return members.size;
    },
    add: (run, join = {}) => {
      const member = toMember(run, join);
      if (run.state !== "stepping") return;
      members.set(run, member);
      for (const [key, rows] of rowsByClass(member)) {
        const queue = queues.get(key) ?? createWorkQueue(remainingWork(key));
        queues.set(key, queue);
        queue.add(member, { work: rows * patchesOf(run) * run.callsLeft, weight: member.weight });
      }
    },
    remove: drop,
    runNext: async () => {
      const calls = new Map<string, ClassCall>();
      for (const [key, queue] of queues) {
        const call = planClass(key, queue);
        if (call !== undefined) calls.set(key, call);
      }
      const key = turns.next([...calls].map(([name, { cost, weight }]) => ({ key: name, cost, weight })));
      const call = key === undefined ? undefined : calls.get(key);
      if (key === undefined || call === undefined) return;
      const { limits, plan } = call;
      const info = { classKey: key, cap: limits.rowsMax, limit: plan.limit };
      await runCall(runner, plan.slots, { ...info, splitsRows: plan.limit !== "exact" });
      for (const run of members.keys()) if (run.state !== "stepping") drop(run);
    },
  };
}

function toMember(run: FrameRun, { weight = 1, variant = "", exact = false, tag = 0 }: JoinOptions): Member {
  if (!(weight >= WEIGHT_MIN && weight <= WEIGHT_MAX)) {
    throw new RangeError(`Cannot step a frame: weight is ${weight}, expected ${WEIGHT_MIN} to ${WEIGHT_MAX}`);
  }
  return { run, weight, variant, exact, tag };
}

/** How many rows a frame has in each of its classes. */
function rowsByClass(member: Member): ReadonlyMap<string, number> {
  const rows = new Map<string, number>();
  for (const row of member.run.conditionings.keys()) {
    const key = classKey(member, row);
    rows.set(key, (rows.get(key) ?? 0) + 1);
  }
  return rows;
}

/** The work that a frame has left in a class: calls of the network times rows times patches. */
function remainingWork(key: string): (member: Member) => number {
  return (member) => {
    const rows = rowsByClass(member).get(key) ?? 0;
    return member.run.callsLeft * rows * patchesOf(member.run);
  };
}
