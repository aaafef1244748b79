import { describe, expect, test } from "vitest";
import { shareOver, trimmedMean } from "./paired.js";

/** Values around 100 that look random and are the same each time. */
const noise = (count: number, seed: number) =>
  Array.from({ length: count }, (_, index) => 100 + 5 * Math.sin(seed + index * index));

describe("shareOver()", () => {
  test("finds what is planted, and says how sure it is", () => {
    const off = noise(200, 1);
    const on = off.map((value, index) => value + 2 + Math.sin(index));
    const share = shareOver(on, off);
    expect(share.mean).toBeCloseTo(0.02, 3);
    expect(share.low).toBeGreaterThan(0.018);
    expect(share.high).toBeLessThan(0.022);
    expect(share.count).toBe(200);
  });

  test("has 0 within where nothing differs, and a narrower interval of more pairs", () => {
    const few = shareOver(noise(40, 1), noise(40, 2));
    const many = shareOver(noise(1_000, 1), noise(1_000, 2));
    for (const { low, high } of [few, many]) expect(low * high).toBeLessThan(0);
    expect(many.high - many.low).toBeLessThan((few.high - few.low) / 2.5);
  });

  test("leaves out turns in which other work took the cores", () => {
    const off = noise(100, 1);
    const on = off.map((value, index) => (index % 20 === 0 ? 5 * value : value + 1));
    expect(shareOver(on, off).mean).toBeCloseTo(0.01, 2);
  });

  test("refuses what does not pair", () => {
    expect(() => shareOver([1], [1])).toThrow(RangeError);
    expect(() => shareOver([1, 2, 3], [1, 2])).toThrow(RangeError);
  });
});

test("trimmedMean() leaves a tenth out at either end", () => {
  expect(trimmedMean([...Array.from({ length: 18 }, () => 3), -1_000, 5_000])).toBe(3);
});
