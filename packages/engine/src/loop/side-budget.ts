import type { TextPart } from "@latentfarm/sd35";

/** Milliseconds of text encoding and decoding that fit between two step batches in any case. */
export const SIDE_WORK_MS = 250;

/** The part of a step batch's time that may go into text encoding and decoding after it: steps lose a fifth of their pace. */
export const SIDE_WORK_SHARE = 0.25;

/** What is left of an expectation after a shorter unit: a cached prompt says little about the next one. */
const EXPECTATION_KEPT = 0.9;

/**
 * The work beside the steps, in units: the beginning of a prompt (its tokens), a part of encoding it, an image into a
 * latent, a latent into a picture. Each holds one session run at most.
 */
export type SideWork = "prompt" | TextPart | "image" | "picture";

/** Work in units: before each but the first its kind is given, and nothing runs until the next value is asked for. */
export type SideUnits<Result> = AsyncGenerator<SideWork, Result, void>;

/** Decides how much work beside the steps runs between two step batches. */
export interface SideBudget {
  /** Whether a unit may run now, while other frames wait for their steps. */
  allows(work: SideWork): boolean;
  /** A unit has run. */
  spend(work: SideWork, durationMs: number): void;
  /** A step batch has run: the budget is full again. */
  refill(batchMs: number): void;
}

/**
 * Lets through one unit of work between two step batches, and more as long as together they are expected to take no
 * more than {@link SIDE_WORK_MS} or {@link SIDE_WORK_SHARE} of the last step batch, whichever is longer. A unit cannot
 * be interrupted, so steps are held up for no longer than that, or than one unit if that is longer, unless a unit takes
 * longer than expected, which is what the longest of its kind took, slowly forgotten.
 */
export function createSideBudget(): SideBudget {
  // Nothing is known of a kind that never ran: its first unit runs alone.
  const expectedMs = new Map<SideWork, number>();
  let spentMs = 0;
  let units = 0;
  let budgetMs = SIDE_WORK_MS;
  return {
    allows: (work) => units === 0 || spentMs + (expectedMs.get(work) ?? Number.POSITIVE_INFINITY) <= budgetMs,
    spend: (work, durationMs) => {
      expectedMs.set(work, Math.max(durationMs, (expectedMs.get(work) ?? 0) * EXPECTATION_KEPT));
      spentMs += durationMs;
      units += 1;
    },
    refill: (batchMs) => {
      spentMs = 0;
      units = 0;
      budgetMs = Math.max(SIDE_WORK_MS, batchMs * SIDE_WORK_SHARE);
    },
  };
}
