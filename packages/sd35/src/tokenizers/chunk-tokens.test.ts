import { describe, expect, it } from "vitest";
import { type ChunkFrame, chunkTokens, type TokenGroup } from "./chunk-tokens.js";

const FRAME: ChunkFrame = { length: 12, bos: 100, eos: 101, pad: 0 };

/** Tokens from..from+count-1. */
function run(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** A group of tokens from..from+count-1. */
function group(from: number, count: number, weight = 1): TokenGroup {
  return { ids: run(from, count), weight };
}

function idsOf(groups: readonly TokenGroup[], frame = FRAME): number[][] {
  return chunkTokens(groups, frame).map(({ ids }) => ids);
}

describe("chunkTokens()", () => {
  it("gives one empty chunk for no tokens", () => {
    expect(idsOf([])).toEqual([[100, 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
    expect(idsOf([group(1, 0)])).toEqual(idsOf([]));
  });

  it("fills a chunk to its last place without starting another", () => {
    expect(idsOf([group(1, 10)])).toEqual([[100, ...run(1, 10), 101]]);
  });

  it("goes on in a second chunk with the first token too many", () => {
    expect(idsOf([group(1, 11)])).toEqual([
      [100, ...run(1, 10), 101],
      [100, 11, 101, ...Array(9).fill(0)],
    ]);
  });

  it("moves a group of 7 whole to the next chunk", () => {
    expect(idsOf([group(1, 5), group(20, 7)])).toEqual([
      [100, ...run(1, 5), 101, ...Array(5).fill(0)],
      [100, ...run(20, 7), 101, ...Array(3).fill(0)],
    ]);
  });

  it("splits a group of 8 across chunks", () => {
    expect(idsOf([group(1, 5), group(20, 8)])).toEqual([
      [100, ...run(1, 5), ...run(20, 5), 101],
      [100, ...run(25, 3), 101, ...Array(7).fill(0)],
    ]);
  });

  it("ends for the smallest chunk and rejects one below it", () => {
    const smallest = { ...FRAME, length: 9 };
    expect(idsOf([group(1, 3), group(10, 7)], smallest)).toHaveLength(2);
    expect(() => idsOf([group(1, 7)], { ...FRAME, length: 8 })).toThrow(/chunk length 8/);
  });

  it("carries the weight of each token, 1 for start, end and padding", () => {
    expect(chunkTokens([group(1, 4, 1.3), group(20, 8, 0.5)], FRAME)).toEqual([
      {
        ids: [100, ...run(1, 4), ...run(20, 6), 101],
        weights: [1, ...Array(4).fill(1.3), ...Array(6).fill(0.5), 1],
      },
      { ids: [100, 26, 27, 101, ...Array(8).fill(0)], weights: [1, 0.5, 0.5, ...Array(9).fill(1)] },
    ]);
  });
});
