import { describe, expect, it } from "vitest";
import { combine, slopeOf } from "./linear-combination.js";

describe("combine()", () => {
  it("rounds once, at the end", () => {
    const [large, small] = [Float32Array.of(2 ** 24, 1), Float32Array.of(1, 2)];
    expect([...combine([1, large], [1, small], [-1, large])]).toEqual([1, 2]);
  });
});

describe("slopeOf()", () => {
  it("is the way to the estimate over sigma", () => {
    expect([...slopeOf(Float32Array.of(3, 1), Float32Array.of(1, 1), 0.5)]).toEqual([4, 0]);
  });
});
