/** Steps between two snapshots of a frame by default: with 28 steps, a lost worker costs a sixth of the frame at most. */
export const SNAPSHOT_STEPS = 5;

/**
 * Milliseconds between two snapshots of a frame at least: a lost worker is noticed after 6 to 10 s, so half a second
 * of steps drawn again is not what a frame waits for, while each snapshot is written to Redis or the store.
 */
export const SNAPSHOT_MS_MIN = 500;

/** Milliseconds without a snapshot after which a step is followed by one, however few steps that were: slow steps are dear. */
export const SNAPSHOT_MS_MAX = 10_000;

/** How often a frame is saved. */
export interface SnapshotPace {
  /** Steps between two snapshots. */
  readonly steps: number;
  /** Milliseconds between two snapshots at least; by default {@link SNAPSHOT_MS_MIN}. */
  readonly msMin: number;
}

/** Decides after which steps of one frame a snapshot is due. */
export interface SnapshotSchedule {
  /** True when one is due after this step; the answer counts as taken. */
  isDue(step: number, nowMs: number): boolean;
}

/** Begins at the step and time at which the frame's steps start. */
export function createSnapshotSchedule(
  { steps, msMin }: SnapshotPace,
  start: { readonly step: number; readonly nowMs: number },
): SnapshotSchedule {
  let last = start;
  return {
    isDue: (step, nowMs) => {
      const elapsedMs = nowMs - last.nowMs;
      const due = elapsedMs >= msMin && (step - last.step >= steps || elapsedMs >= SNAPSHOT_MS_MAX);
      if (due) last = { step, nowMs };
      return due;
    },
  };
}
