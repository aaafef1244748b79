import { describe, expect, it } from "vitest";
import { leadFromSkipped, sigmaRange } from "./skip-layers.js";

describe("sigmaRange()", () => {
  it("shifts the fractions of the way as ComfyUI does", () => {
    // 3 * 0.99 / (1 + 2 * 0.99) and 3 * 0.85 / (1 + 2 * 0.85)
    const { high, low } = sigmaRange(3, 0.01, 0.15);
    expect(high).toBeCloseTo(0.996644, 6);
    expect(low).toBeCloseTo(0.944444, 6);
  });

  it("has the exact ends", () => {
    expect(sigmaRange(3, 0, 1)).toEqual({ high: 1, low: 0 });
  });
});

describe("leadFromSkipped()", () => {
  it("adds the scaled difference of the conditional estimates", () => {
    const guided = Float32Array.of(1, 2, 3);
    const estimates = { cond: Float32Array.of(4, 5, 6), skipped: Float32Array.of(3, 5, 8) };
    expect([...leadFromSkipped(guided, estimates, 0.5)]).toEqual([1.5, 2, 2]);
    expect([...leadFromSkipped(guided, estimates, 0)]).toEqual([1, 2, 3]);
  });
});
