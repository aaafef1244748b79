import { describe, expect, it } from "vitest";
import { type ChunkFrame, chunkTokens } from "./chunk-tokens.js";

const FRAME: ChunkFrame = { length: 12, bos: 100, eos: 101, pad: 0 };

/** Tokens from..from+count-1. */
function run(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

describe("chunkTokens()", () => {
  it("gives one empty chunk for no tokens", () => {
    expect(chunkTokens([], FRAME)).toEqual([[100, 101, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]);
    expect(chunkTokens([[]], FRAME)).toEqual(chunkTokens([], FRAME));
  });

  it("fills a chunk to its last place without starting another", () => {
    expect(chunkTokens([run(1, 10)], FRAME)).toEqual([[100, ...run(1, 10), 101]]);
  });

  it("goes on in a second chunk with the first token too many", () => {
    expect(chunkTokens([run(1, 11)], FRAME)).toEqual([
      [100, ...run(1, 10), 101],
      [100, 11, 101, ...Array(9).fill(0)],
    ]);
  });

  it("moves a group of 7 whole to the next chunk", () => {
    expect(chunkTokens([run(1, 5), run(20, 7)], FRAME)).toEqual([
      [100, ...run(1, 5), 101, ...Array(5).fill(0)],
      [100, ...run(20, 7), 101, ...Array(3).fill(0)],
    ]);
  });

  it("splits a group of 8 across chunks", () => {
    expect(chunkTokens([run(1, 5), run(20, 8)], FRAME)).toEqual([
      [100, ...run(1, 5), ...run(20, 5), 101],
      [100, ...run(25, 3), 101, ...Array(7).fill(0)],
    ]);
  });

  it("ends for the smallest chunk and rejects one below it", () => {
    const smallest = { ...FRAME, length: 9 };
    expect(chunkTokens([run(1, 3), run(10, 7)], smallest)).toHaveLength(2);
    expect(() => chunkTokens([run(1, 7)], { ...FRAME, length: 8 })).toThrow(/chunk length 8/);
  });
});
