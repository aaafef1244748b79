import { describe, expect, test } from "vitest";
import { createSnapshotSchedule, SNAPSHOT_MS_MAX } from "./snapshot-schedule.js";

/** Steps after which a snapshot is due, when each step takes `stepMs`. */
function dueSteps(stepMs: number, pace: { steps: number; msMin: number }, from = 0): number[] {
  const schedule = createSnapshotSchedule(pace, { step: from, nowMs: 0 });
  const steps = Array.from({ length: 12 }, (_, index) => from + index + 1);
  return steps.filter((step) => schedule.isDue(step, (step - from) * stepMs));
}

describe("createSnapshotSchedule()", () => {
  test("is due every so many steps, counted from where the frame began", () => {
    expect(dueSteps(1_000, { steps: 5, msMin: 500 })).toEqual([5, 10]);
    expect(dueSteps(1_000, { steps: 5, msMin: 500 }, 3)).toEqual([8, 13]);
  });

  test("waits for the least time between two when steps are fast", () => {
    expect(dueSteps(100, { steps: 1, msMin: 300 })).toEqual([3, 6, 9, 12]);
    expect(dueSteps(100, { steps: 2, msMin: 301 })).toEqual([4, 8, 12]);
  });

  test("does not wait for the steps when they are slow", () => {
    expect(dueSteps(SNAPSHOT_MS_MAX, { steps: 5, msMin: 500 })).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ]);
    expect(dueSteps(SNAPSHOT_MS_MAX / 2, { steps: 5, msMin: 500 })).toEqual([2, 4, 6, 8, 10, 12]);
    expect(dueSteps(SNAPSHOT_MS_MAX - 1, { steps: 2, msMin: 500 })).toEqual([2, 4, 6, 8, 10, 12]);
  });
});
