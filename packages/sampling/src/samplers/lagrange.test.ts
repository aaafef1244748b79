import { describe, expect, it } from "vitest";
import { lagrangeWeights } from "./lagrange.js";

describe("lagrangeWeights()", () => {
  it("continues a cubic through four nodes exactly", () => {
    const cubic = (time: number): number => 2 - time + 3 * time ** 2 - time ** 3;
    const nodes = [1, 0.8, 0.5, 0.4];
    const value = lagrangeWeights(nodes, 0.2).reduce(
      (sum, weight, k) => sum + weight * cubic(nodes[k] ?? NaN),
      0,
    );
    expect(value).toBeCloseTo(cubic(0.2), 12);
  });

  it("is 1 for a single node", () => {
    expect(lagrangeWeights([0.3], 7)).toEqual([1]);
  });
});
