import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { fromRgb, toRgb } from "./picture.js";

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

describe("fromRgb()", () => {
  test("parts the colours and spreads bytes over -1 to 1", () => {
    const image = fromRgb(Uint8Array.of(0, 51, 102, 255, 204, 153), 2, 1);
    expect([...image].map((value) => Number(value.toFixed(6)))).toEqual([-1, 1, -0.6, 0.6, -0.2, 0.2]);
  });

  test("is undone by toRgb() within the byte that is cut off", () => {
    const rgb = Uint8Array.from({ length: 256 * 3 }, (_, index) => index % 256);
    const back = toRgb(fromRgb(rgb, 256, 1), 256, 1);
    expect(Math.max(...rgb.map((value, index) => value - (back[index] ?? 0)))).toBeLessThanOrEqual(1);
  });

  test("refuses pixels of another size", () => {
    expect(() => fromRgb(new Uint8Array(6), 1, 1)).toThrow(RangeError);
  });
});
