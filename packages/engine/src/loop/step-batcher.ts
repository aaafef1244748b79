import { FarmError } from "@latentfarm/contract";
import type { Conditioning } from "@latentfarm/sd35";
import type { FrameRun } from "./frame-run.js";

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

/** Latent cells of one patch. */
const CELLS_PER_PATCH = 4;

/** One row of a denoiser call. */
export interface BatchRow {
  /** ``float32 [16, height, width]`` */
  readonly latent: Float32Array;
  readonly sigma: number;
  readonly conditioning: Conditioning;
}

/** Rows that run in one denoiser call: equal latent size and equal text length. */
export interface RowBatch {
  /** Latent cells. */
  readonly height: number;
  /** Latent cells. */
  readonly width: number;
  /** Text tokens of each row's context. */
  readonly tokens: number;
  readonly rows: readonly BatchRow[];
}

/** Gives one velocity ``float32 [16, height, width]`` for each row, in order. */
export type Denoise = (batch: RowBatch) => Promise<readonly Float32Array[]>;

/** Chooses rows, runs them and hands each frame what its sampler asked for. */
export interface StepBatcher {
  /** Frames that are at their steps. */
  readonly size: number;
  /** Takes a frame in; it joins at the next batch. */
  add(run: FrameRun): void;
  /** Drops a frame; the rows of a batch that already runs are thrown away. */
  remove(run: FrameRun): void;
  /**
   * Runs one batch and advances the samplers whose rows are complete. Frames that failed are marked so and dropped;
   * frames that are done are dropped too. Does nothing without frames.
   */
  runNext(): Promise<void>;
}

/** The caps of a batch. */
export interface BatchCaps {
  readonly rowsMax: number;
  readonly patchesMax: number;
}

interface Slot {
  readonly run: FrameRun;
  /** 0 is the conditional row, 1 the unconditional one. */
  readonly row: number;
}

/**
 * The step batcher. A frame asks for one row, or two with guidance; rows whose class (latent size, text length)
 * matches share a call, whatever their prompt, seed, sigma, step and sampler. Classes take turns; within a class the
 * frames that came first go first, so that a full farm finishes frames instead of delaying all of them alike.
 *
 * A call that throws is tried again in halves down to one frame, so that a fault stays with the frame that has it.
 */
export function createStepBatcher(
  denoise: Denoise,
  caps: BatchCaps = { rowsMax: BATCH_ROWS_MAX, patchesMax: BATCH_PATCHES_MAX },
): StepBatcher {
  if (caps.rowsMax < 2) throw new RangeError(`Cannot batch a guided frame: rowsMax is ${caps.rowsMax}`);
  const frames = new Set<FrameRun>();
  let turns: readonly string[] = [];

  async function runSlots(slots: readonly Slot[]): Promise<void> {
    const outcome = await settle(denoise, slots);
    if (outcome instanceof FarmError) {
      const halves = halveByFrame(slots);
      if (halves === undefined) failFrames(slots, outcome);
      else for (const half of halves) await runSlots(half);
      return;
    }
    for (const [index, slot] of slots.entries()) {
      if (frames.has(slot.run)) slot.run.takeVelocity(slot.row, outcome[index]);
    }
  }

  function failFrames(slots: readonly Slot[], error: FarmError): void {
    for (const run of new Set(slots.map((slot) => slot.run))) if (frames.has(run)) run.fail(error);
  }

  return {
    get size() {
      return frames.size;
    },
    add: (run) => void frames.add(run),
    remove: (run) => void frames.delete(run),
    runNext: async () => {
      const classes = pendingByClass(frames);
      turns = rotation(turns, classes);
      const [first, ...rest] = turns;
      const pending = first === undefined ? undefined : classes.get(first);
      if (first === undefined || pending === undefined) return;
      turns = [...rest, first];
      await runSlots(takeSlots(pending, caps));
      for (const run of frames) if (run.state !== "stepping") frames.delete(run);
    },
  };
}

/** The rows that wait, by class; within a class in the order in which the frames came. */
function pendingByClass(frames: ReadonlySet<FrameRun>): Map<string, Slot[]> {
  const classes = new Map<string, Slot[]>();
  for (const run of frames) {
    for (const row of run.pendingRows()) {
      const key = `${run.height}x${run.width}/${run.conditionings[row]?.tokens}`;
      const slots = classes.get(key) ?? [];
      slots.push({ run, row });
      classes.set(key, slots);
    }
  }
  return classes;
}

/** The order of turns: classes that were there keep their place, new ones come last, empty ones leave. */
function rotation(turns: readonly string[], classes: ReadonlyMap<string, unknown>): readonly string[] {
  const kept = turns.filter((key) => classes.has(key));
  return [...kept, ...[...classes.keys()].filter((key) => !kept.includes(key))];
}

/** The first rows that fit the caps. A frame's rows of one class stay together, and the first frame always fits. */
function takeSlots(pending: readonly Slot[], caps: BatchCaps): readonly Slot[] {
  const taken: Slot[] = [];
  for (const run of new Set(pending.map((slot) => slot.run))) {
    const slots = pending.filter((slot) => slot.run === run);
    const patches = (run.height * run.width) / CELLS_PER_PATCH;
    const rows = taken.length + slots.length;
    if (taken.length === 0 || (rows <= caps.rowsMax && rows * patches <= caps.patchesMax)) {
      taken.push(...slots);
    }
  }
  return taken;
}

async function settle(
  denoise: Denoise,
  slots: readonly Slot[],
): Promise<readonly Float32Array[] | FarmError> {
  try {
    return await denoise(toBatch(slots));
  } catch (cause) {
    if (cause instanceof FarmError) return cause;
    throw cause;
  }
}

function toBatch(slots: readonly Slot[]): RowBatch {
  const rows = slots.flatMap(({ run, row }) => {
    const conditioning = run.conditionings[row];
    return conditioning === undefined ? [] : [{ ...run.request(), conditioning }];
  });
  const [first] = slots;
  const [row] = rows;
  if (first === undefined || row === undefined || rows.length !== slots.length) {
    throw new RangeError(`Cannot build a batch: rows is ${rows.length} of ${slots.length}`);
  }
  return { height: first.run.height, width: first.run.width, tokens: row.conditioning.tokens, rows };
}

/** Splits the rows between frames, or gives undefined when they are one frame's. */
function halveByFrame(slots: readonly Slot[]): readonly [Slot[], Slot[]] | undefined {
  const runs = [...new Set(slots.map((slot) => slot.run))];
  if (runs.length < 2) return undefined;
  const front = new Set(runs.slice(0, runs.length >> 1));
  return [slots.filter((slot) => front.has(slot.run)), slots.filter((slot) => !front.has(slot.run))];
}
