import type { FrameRun } from "./frame-run.js";
import type { RowLimits } from "./row-caps.js";

/** Latent cells of one patch. */
const CELLS_PER_PATCH = 4;

/** How a frame takes part in batches. */
export interface JoinOptions {
  /**
   * The share of the device that the frame's class gets beside other classes, and its worth beside the frames of its
   * own; 1 by default, {@link WEIGHT_MIN} to {@link WEIGHT_MAX}.
   */
  readonly weight?: number;
  /**
   * Names what else must be equal for rows to share a call: another graph, a LoRA set. Nothing by default, and so far
   * always: the farm has one graph a model and no LoRA yet.
   */
  readonly variant?: string;
  /**
   * The frame's rows never share a call with another frame's: for `determinism: exact`. False by default, and so far
   * always: a job cannot ask for it yet.
   */
  readonly exact?: boolean;
  /** Names the frame in the reports of calls; 0, for none, by default. */
  readonly tag?: number;
}

/** The least weight of a frame: the bound on waiting grows with the ratio of the weights. */
export const WEIGHT_MIN = 1 / 16;

/** The largest weight of a frame. */
export const WEIGHT_MAX = 16;

/** A frame at its steps, and how it takes part. */
export interface Member extends Required<JoinOptions> {
  readonly run: FrameRun;
}

/** A row of a frame. */
export interface Slot {
  readonly run: FrameRun;
  /** 0 is the conditional row, 1 the unconditional one. */
  readonly row: number;
}

/** Why a call has no more rows: nothing more waited, a cap, or a frame that shares with nobody. */
export type BatchLimit = "empty" | "rows" | "patches" | "exact";

/** The rows of a call. */
export interface CallPlan {
  readonly slots: readonly Slot[];
  readonly limit: BatchLimit;
}

/**
 * The class of a row: rows of equal variant, latent size and text length share a call, and nothing else keeps them
 * apart.
 */
export function classKey({ run, variant }: Member, row: number): string {
  return `${variant}:${run.height}x${run.width}/${run.conditionings[row]?.tokens}`;
}

/** The image patches of one row of a frame. */
export function patchesOf(run: FrameRun): number {
  return (run.height * run.width) / CELLS_PER_PATCH;
}

/** The rows of a frame that wait and belong to a class. */
export function pendingSlots(member: Member, key: string): Slot[] {
  const { run } = member;
  return run.pendingRows().flatMap((row) => (classKey(member, row) === key ? [{ run, row }] : []));
}

/** What a call may hold. */
export interface CallLimits extends RowLimits {
  readonly patchesMax: number;
}

/**
 * Takes the rows of the first frames that fit. A frame's rows of one class stay together; the first frame always fits,
 * unless memory holds fewer rows than it has.
 */
export function planCall(
  key: string,
  members: readonly Member[],
  { rowsMax, rowsFit, patchesMax }: CallLimits,
): CallPlan {
  const taken: Slot[] = [];
  let limit: BatchLimit = "empty";
  for (const member of members) {
    const slots = pendingSlots(member, key);
    if (slots.length === 0) continue;
    const rows = taken.length + slots.length;
    if (taken.length === 0) {
      taken.push(...slots.slice(0, rowsFit));
      if (slots.length > rowsFit) limit = "rows";
      if (member.exact) return { slots: taken, limit: "exact" };
    } else if (member.exact) limit = firstLimit(limit, "exact");
    else if (rows > rowsMax) limit = firstLimit(limit, "rows");
    else if (rows * patchesOf(member.run) > patchesMax) limit = firstLimit(limit, "patches");
    else taken.push(...slots);
  }
  return { slots: taken, limit };
}

function firstLimit(known: BatchLimit, met: BatchLimit): BatchLimit {
  return known === "empty" ? met : known;
}
