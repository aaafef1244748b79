import { describe, expect, it } from "vitest";
import { createBrownianTree, roundTime } from "./brownian-tree.js";

const OPTIONS = { start: 0.002994012, end: 1, seed: 42n, count: 256 } as const;

/** torchsde's own increments for OPTIONS, first values. */
const GOLDEN = [
  [0.002994012, 1, [1.1544511318206787, 0.2188069373369217, -0.16206389665603638, -0.9953808784484863]],
  [0.75, 0.9, [0.7260763049125671, -0.4076998829841614, -0.4284423887729645, 0.6094216108322144]],
  [0.1, 0.123456, [-0.17586685717105865, 0.04830187186598778, 0.05808009207248688, -0.15509331226348877]],
] as const;

describe("createBrownianTree()", () => {
  it.each(GOLDEN)("gives torchsde's increment from %f to %f", (from, to, expected) => {
    const increment = createBrownianTree(OPTIONS)(from, to);
    for (const [index, value] of expected.entries())
      expect(Math.abs((increment[index] ?? NaN) - value)).toBeLessThan(2e-6);
  });

  it("gives the same bits whatever was asked before", () => {
    const used = createBrownianTree(OPTIONS);
    for (const [from, to] of [
      [0.9, 1],
      [0.75, 0.9],
      [0.5, 0.75],
      [0.2, 0.5],
      [0.6, 0.9],
      [0.003, 0.2],
    ] as const)
      expect(used(from, to)).toEqual(createBrownianTree(OPTIONS)(from, to));
  });

  it("adds up", () => {
    const tree = createBrownianTree(OPTIONS);
    const [low, high, whole] = [tree(0.2, 0.31), tree(0.31, 0.7), tree(0.2, 0.7)];
    for (const [index, value] of whole.entries())
      expect(Math.abs((low[index] ?? NaN) + (high[index] ?? NaN) - value)).toBeLessThan(1e-5);
  });

  it("has increments whose variance is the time", () => {
    const increment = createBrownianTree({ ...OPTIONS, count: 4096 })(0.3, 0.4);
    const variance = increment.reduce((sum, value) => sum + value ** 2, 0) / increment.length;
    expect(Math.abs(variance / 0.1 - 1)).toBeLessThan(0.1);
  });

  it("keeps to its ends and is 0 where no time passes", () => {
    const tree = createBrownianTree(OPTIONS);
    expect(tree(-1, 2)).toEqual(tree(OPTIONS.start, OPTIONS.end));
    expect(tree(0.5, 0.5).every((value) => value === 0)).toBe(true);
  });

  it("uses all 64 bits of the seed", () => {
    const other = createBrownianTree({ ...OPTIONS, seed: 42n + 2n ** 32n });
    expect(other(0.3, 0.4)).not.toEqual(createBrownianTree(OPTIONS)(0.3, 0.4));
  });
});

describe("roundTime()", () => {
  // Python: round(x, 6)
  it.each([
    [0.0029940119, 0.002994],
    [0.7507485, 0.750749], // the double is above the tie that it is written as
    [0.3333335, 0.333334],
    [1 / 128, 0.007812],
    [3 / 128, 0.023438],
    [0.123456, 0.123456],
  ])("rounds %f to %f", (time, expected) => {
    expect(roundTime(time)).toBe(expected);
  });
});
