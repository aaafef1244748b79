import { describe, expect, it } from "vitest";
import { deletionCost } from "./deletion-cost.js";
import { createWorkInFlight } from "./work-in-flight.js";

const cost = (frames: number, megapixelSteps: number, isSick = false): number =>
  deletionCost({ frames, megapixelSteps, isSick });

describe("deletionCost()", () => {
  it("deletionCost() puts sick before idle before busy before far along", () => {
    const order = [cost(0, 0, true), cost(0, 0), cost(1, 0), cost(1, 1), cost(1, 28), cost(4, 112)];
    expect(order).toEqual([-1, 0, 1, 512, 16_384, 65_536]);
  });

  it("deletionCost() changes on a doubling only, so that a picture of 28 steps is five updates", () => {
    const seen = new Set(Array.from({ length: 28 }, (_, step) => cost(1, (step + 1) * 1.048576)));
    expect(seen.size).toBe(5);
  });

  it("deletionCost() is a whole number within 32 bits whatever is in flight", () => {
    for (const steps of [0.000256, 1, 1e6, 1e12, Number.MAX_VALUE]) {
      const value = cost(256, steps);
      expect(Number.isInteger(value) && value >= 0 && value < 2 ** 31).toBe(true);
    }
  });
});

describe("createWorkInFlight()", () => {
  it("createWorkInFlight() sums the steps of frames in flight by their size, and forgets what ended", () => {
    const work = createWorkInFlight();
    const [small, large] = [{}, {}];
    work.begin(small, { width: 500, height: 1_000 });
    work.begin(large, { width: 2_000, height: 1_000 });
    work.step(small, 4);
    // It went on from a snapshot.
    work.step(large, 10);
    work.step(large, 11);
    expect([work.frames, work.megapixelSteps]).toEqual([2, 0.5 * 4 + 2 * 11]);
    work.end(large);
    // An engine's word may come after the end.
    work.step(large, 12);
    expect([work.frames, work.megapixelSteps]).toEqual([1, 2]);
  });
});
