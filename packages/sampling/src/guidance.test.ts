import { describe, expect, it } from "vitest";
import { guide, needsUnconditional } from "./guidance.js";

describe("guide()", () => {
  it("goes from the unconditional through the conditional estimate", () => {
    const cond = Float32Array.of(3, -1, 0.5);
    const uncond = Float32Array.of(1, 1, 0.5);
    expect([...guide(cond, uncond, 4.5)]).toEqual([10, -8, 0.5]);
    expect([...guide(cond, uncond, 1)]).toEqual([...cond]);
    expect([...guide(cond, uncond, 0)]).toEqual([...uncond]);
  });

  it("rounds to float32 after each operation, as PyTorch does", () => {
    const [value] = guide(Float32Array.of(0.1), Float32Array.of(0.7), 4.5);
    const difference = Math.fround(Math.fround(0.1) - Math.fround(0.7));
    expect(value).toBe(Math.fround(Math.fround(0.7) + Math.fround(difference * 4.5)));
  });
});

describe("needsUnconditional()", () => {
  it("is false at a scale of 1 only", () => {
    expect(needsUnconditional(1)).toBe(false);
    expect(needsUnconditional(1 + 1e-10)).toBe(false);
    expect(needsUnconditional(1.0001)).toBe(true);
    expect(needsUnconditional(0)).toBe(true);
    expect(needsUnconditional(4.5)).toBe(true);
  });
});
