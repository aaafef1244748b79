import { describe, expect, it } from "vitest";
import { denoise, SIGMA_LEVELS, shiftTime, sigmaTable } from "./flow.js";

describe("sigmaTable()", () => {
  it("runs from the published lowest sigma of shift 3 to 1", () => {
    const table = sigmaTable(3);
    expect(table.length).toBe(SIGMA_LEVELS);
    expect(table[0]).toBeCloseTo(0.002994012, 9);
    expect(table[SIGMA_LEVELS - 1]).toBe(1);
  });
});

describe("shiftTime()", () => {
  it("keeps the ends and raises the middle with the shift", () => {
    expect([shiftTime(3, 0), shiftTime(3, 0.5), shiftTime(3, 1)]).toEqual([0, 0.75, 1]);
    expect(shiftTime(1, 0.5)).toBe(0.5);
  });
});

describe("denoise()", () => {
  it("takes sigma times the velocity away", () => {
    const estimate = denoise(Float32Array.of(1, 2), Float32Array.of(4, -2), 0.5);
    expect([...estimate]).toEqual([-1, 3]);
  });
});
