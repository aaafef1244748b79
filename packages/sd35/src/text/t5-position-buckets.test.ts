import { describe, expect, it } from "vitest";
import { t5PositionBuckets } from "./t5-position-buckets.js";

describe("t5PositionBuckets()", () => {
  const tokens = 200;
  const buckets = t5PositionBuckets(tokens);
  const bucket = (from: number, to: number) => Number(buckets[from * tokens + to]);

  it("gives the reference's buckets for earlier positions", () => {
    // Hugging Face transformers, _relative_position_bucket(-distance), 32 buckets, 128 at most
    const expected = [
      [0, 0],
      [1, 1],
      [7, 7],
      [8, 8],
      [11, 8],
      [12, 9],
      [15, 9],
      [16, 10],
      [22, 10],
      [23, 11],
      [31, 11],
      [32, 12],
      [45, 12],
      [46, 13],
      [63, 13],
      [64, 14],
      [90, 14],
      [91, 15],
      [127, 15],
      [128, 15],
      [199, 15],
    ];
    expect(expected.map(([distance = 0]) => [distance, bucket(199, 199 - distance)])).toEqual(expected);
  });

  it("keeps the other half for later positions", () => {
    expect([bucket(0, 1), bucket(0, 8), bucket(0, 64), bucket(0, 199)]).toEqual([17, 24, 30, 31]);
  });

  it("gives a square of tokens", () => {
    expect(t5PositionBuckets(1)).toEqual(BigInt64Array.of(0n));
    expect(t5PositionBuckets(2)).toEqual(BigInt64Array.of(0n, 17n, 1n, 0n));
  });
});
