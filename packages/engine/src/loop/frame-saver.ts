import type { SavedFrame } from "../snapshot/frame-snapshot.js";
import { createSnapshotSchedule, type SnapshotPace } from "../snapshot/snapshot-schedule.js";

/** Saves one frame while it is drawn. */
export interface FrameSaver {
  /** To be called after each step; hands a snapshot on when one is due. */
  afterStep(step: number): void;
  /** Hands a snapshot on now, since the frame leaves half-done. */
  leave(): void;
}

/** What a saver works with. */
export interface FrameSaverOptions {
  readonly pace: SnapshotPace;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
  readonly save: () => SavedFrame;
  readonly onSnapshot: (saved: SavedFrame) => void;
  /** The step at which the frame starts. */
  readonly step: number;
}

/** Begins to save a frame whose steps start now. */
export function createFrameSaver(options: FrameSaverOptions): FrameSaver {
  const { pace, now, save, onSnapshot, step } = options;
  const schedule = createSnapshotSchedule(pace, { step, nowMs: now() });
  return {
    afterStep: (done) => {
      if (schedule.isDue(done, now())) onSnapshot(save());
    },
    leave: () => onSnapshot(save()),
  };
}
