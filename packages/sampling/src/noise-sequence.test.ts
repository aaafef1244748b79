import { describe, expect, it } from "vitest";
import { createRandnStream, randn } from "./noise.js";
import { createNoiseSequence } from "./noise-sequence.js";

describe("createNoiseSequence()", () => {
  it("draws one tensor after the other from the seed above the frame's", () => {
    const draw = createNoiseSequence(41n, 40);
    const stream = createRandnStream(42n);
    expect(draw(0)).toEqual(randn(42n, 40));
    stream(40);
    expect(draw(1)).toEqual(stream(40));
    expect(draw(2)).toEqual(stream(40));
  });

  it("gives the same tensor for an index in any order", () => {
    const inOrder = createNoiseSequence(5n, 16);
    const tensors = [0, 1, 2, 3].map(inOrder);
    const mixed = createNoiseSequence(5n, 16);
    for (const index of [3, 1, 1, 0, 2]) expect(mixed(index)).toEqual(tensors[index]);
  });

  it("takes the highest seed", () => {
    expect(createNoiseSequence(2n ** 64n - 1n, 16)(0)).toEqual(randn(0n, 16));
  });
});
