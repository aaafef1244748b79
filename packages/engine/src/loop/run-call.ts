import { FarmError } from "@latentfarm/contract";
import { toFarmError } from "../onnxruntime-error.js";
import { type FrameRun, isFinite32 } from "./frame-run.js";
import type { BatchLimit, Slot } from "./plan-call.js";
import type { Denoise, RowBatch } from "./row-batch.js";
import type { RowCaps } from "./row-caps.js";

/** Why a call has no more rows; "fault" for a part of a call that failed. */
export const BATCH_LIMITS = ["empty", "rows", "patches", "exact", "fault"] as const satisfies readonly (
  | BatchLimit
  | "fault"
)[];

/** How a call ended. */
export const BATCH_OUTCOMES = ["ok", "out_of_memory", "failed"] as const;

/** One call of the denoiser. */
export interface BatchReport {
  readonly rows: number;
  readonly durationMs: number;
  /** Rows that a call of this class could have. */
  readonly cap: number;
  /** The class: variant, latent size, text length. */
  readonly classKey: string;
  readonly limit: (typeof BATCH_LIMITS)[number];
  readonly outcome: (typeof BATCH_OUTCOMES)[number];
  /** The tags of the frames that rows were of, in the order in which they were taken; of those that have one. */
  readonly frames: readonly number[];
}

/** A call that is told of later. */
export interface EndedBatch extends BatchReport {
  /** The time of its end in milliseconds since 1970. */
  readonly endedMs: number;
}

/** What calls need. */
export interface CallRunner {
  readonly denoise: Denoise;
  readonly caps: RowCaps;
  readonly now: () => number;
  readonly onBatch: (report: BatchReport) => void;
  /** Whether the frame is still wanted: it may be dropped while its rows run. */
  readonly isMember: (run: FrameRun) => boolean;
  /** 0 for a frame without one. */
  readonly tagOf: (run: FrameRun) => number;
}

/** What a call is, beside its rows. */
export type CallInfo = Pick<BatchReport, "classKey" | "cap" | "limit"> & {
  /** Whether the rows of one frame may run one by one when memory is short. */
  readonly splitsRows: boolean;
};

/**
 * Runs rows and hands each frame what its sampler asked for. A fault stays with the frame that has it: a call that
 * throws is run again in halves, and a row that is not finite again without the frames whose rows are, until a frame
 * is alone with it. A frame takes its velocities from the one call of its row that went well, so that no sampler
 * advances twice. Out of memory lowers the cap of the class and goes on in halves, down to single rows, before a
 * frame fails with it.
 */
export async function runCall(runner: CallRunner, slots: readonly Slot[], call: CallInfo): Promise<void> {
  const wanted = slots.filter(({ run }) => runner.isMember(run));
  if (wanted.length === 0) return;
  const outcome = await measure(runner, wanted, call);
  const parts =
    outcome instanceof FarmError
      ? takeFault(runner, wanted, { error: outcome, call })
      : takeVelocities(runner, wanted, outcome);
  for (const part of parts) await runCall(runner, part, { ...call, limit: "fault" });
}

async function measure(
  { denoise, caps, now, onBatch, tagOf }: CallRunner,
  slots: readonly Slot[],
  { classKey, cap, limit }: CallInfo,
): Promise<readonly Float32Array[] | FarmError> {
  const startedAt = now();
  const outcome = await denoise(toBatch(slots)).catch((cause: unknown) =>
    cause instanceof FarmError ? cause : toFarmError("internal", "Cannot run a step batch", cause),
  );
  const rows = slots.length;
  const durationMs = now() - startedAt;
  const isFault = outcome instanceof FarmError;
  const isMemory = isFault && outcome.code === "out_of_memory";
  if (isMemory) caps.outOfMemory(classKey, rows);
  if (!isFault) caps.observe(classKey, { rows, durationMs });
  const told = isMemory ? "out_of_memory" : isFault ? "failed" : "ok";
  const frames = framesOf(slots)
    .map(tagOf)
    .filter((tag) => tag > 0);
  onBatch({ rows, durationMs, cap, classKey, limit, outcome: told, frames });
  return outcome;
}

/** The parts that a call which threw is run again in; none when its frame is found, which fails. */
function takeFault(
  { isMember }: CallRunner,
  slots: readonly Slot[],
  { error, call }: { readonly error: FarmError; readonly call: CallInfo },
): readonly (readonly Slot[])[] {
  if (framesOf(slots).length > 1) return halveByFrame(slots);
  if (error.code === "out_of_memory" && call.splitsRows && slots.length > 1)
    return slots.map((slot) => [slot]);
  for (const run of framesOf(slots)) if (isMember(run)) run.fail(error);
  return [];
}

/** Hands out the velocities; the parts that are to be run again since a mate may have spoilt their rows. */
function takeVelocities(
  { isMember }: CallRunner,
  slots: readonly Slot[],
  velocities: readonly Float32Array[],
): readonly (readonly Slot[])[] {
  const frames = framesOf(slots);
  for (const run of frames) run.batches.rowsMax = Math.max(run.batches.rowsMax, slots.length);
  const suspects: Slot[] = [];
  for (const [index, slot] of slots.entries()) {
    const velocity = velocities[index];
    if (!isMember(slot.run)) continue;
    if (frames.length > 1 && velocity !== undefined && !isFinite32(velocity)) suspects.push(slot);
    else slot.run.takeVelocity(slot.row, velocity);
  }
  if (suspects.length === 0) return [];
  return framesOf(suspects).length < frames.length ? [suspects] : halveByFrame(suspects);
}

function framesOf(slots: readonly Slot[]): readonly FrameRun[] {
  return [...new Set(slots.map(({ run }) => run))];
}

/** Splits the rows between frames. */
function halveByFrame(slots: readonly Slot[]): readonly (readonly Slot[])[] {
  const frames = framesOf(slots);
  const front = new Set(frames.slice(0, frames.length >> 1));
  return [slots.filter(({ run }) => front.has(run)), slots.filter(({ run }) => !front.has(run))];
}

function toBatch(slots: readonly Slot[]): RowBatch {
  const rows = slots.flatMap(({ run, row }) => {
    const conditioning = run.conditionings[row];
    const skippedBlocks = run.skippedBlocks(row);
    return conditioning === undefined ? [] : [{ ...run.request(), conditioning, skippedBlocks }];
  });
  const [first] = slots;
  const [row] = rows;
  if (first === undefined || row === undefined || rows.length !== slots.length) {
    throw new RangeError(`Cannot build a batch: rows is ${rows.length} of ${slots.length}`);
  }
  return { height: first.run.height, width: first.run.width, tokens: row.conditioning.tokens, rows };
}
