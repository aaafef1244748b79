import { describe, expect, it } from "vitest";
import { halfLogSnr, middleSigma, offsetFirstSigma } from "./log-snr.js";

describe("halfLogSnr()", () => {
  it("is ln((1 - sigma) / sigma), infinite at both ends", () => {
    expect(halfLogSnr(0.5)).toBeCloseTo(0, 12);
    expect(halfLogSnr(0.25)).toBeCloseTo(Math.log(3), 6);
    expect(halfLogSnr(0)).toBe(Number.POSITIVE_INFINITY);
    expect(halfLogSnr(1)).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe("middleSigma()", () => {
  it("lies in the middle of the logarithms", () => {
    expect(middleSigma(0.75, 0.25)).toBeCloseTo(0.5, 6);
    expect(middleSigma(0.9, 0.5)).toBeCloseTo(0.75, 6);
  });
});

describe("offsetFirstSigma()", () => {
  it("replaces a first sigma of 1 and leaves the rest and the original", () => {
    const levels = Float32Array.of(1, 0.5, 0);
    expect([...offsetFirstSigma(levels, 3)]).toEqual([Math.fround(0.99996666), 0.5, 0]);
    expect(levels[0]).toBe(1);
    expect([...offsetFirstSigma(Float32Array.of(0.75, 0), 3)]).toEqual([0.75, 0]);
  });
});
