import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { toRgb } from "./picture.js";

describe("toRgb()", () => {
  test("interleaves the colours, clamps and cuts", () => {
    const image = Float32Array.of(-1, 1, /* green */ -3, 3, /* blue */ 0, 0.999);
    expect([...toRgb(image, 2, 1)]).toEqual([0, 0, 127, 255, 255, 254]);
  });

  test.each([Number.NaN, Number.NEGATIVE_INFINITY])("refuses %s", (bad) => {
    expect(() => toRgb(Float32Array.of(0, bad, 0), 1, 1)).toThrow(FarmError);
  });

  test("refuses an image of another size", () => {
    expect(() => toRgb(new Float32Array(6), 1, 1)).toThrow(RangeError);
  });
});
