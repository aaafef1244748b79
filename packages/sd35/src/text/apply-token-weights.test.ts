import { describe, expect, it } from "vitest";
import { applyTokenWeights } from "./apply-token-weights.js";

describe("applyTokenWeights()", () => {
  const hidden = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const empty = Float32Array.of(0, 1, 1, 2);

  it("leads each token away from the empty prompt's at its place in the chunk", () => {
    const weighted = applyTokenWeights(hidden, empty, [1, 2, 0.5, -1]);
    expect([...weighted]).toEqual([1, 2, 5, 6, 2.5, 3.5, -5, -4]);
  });

  it("leaves a token of weight 1 as it is, bit for bit, and the input alone", () => {
    const odd = Float32Array.of(0.1, 1e-30, -0, 3.3);
    expect(applyTokenWeights(odd, Float32Array.of(7e7, 7e7, 7e7, 7e7), [1, 1])).toEqual(odd);
    applyTokenWeights(hidden, empty, [3, 3, 3, 3]);
    expect([...hidden]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("rejects weights that do not match the tokens", () => {
    expect(() => applyTokenWeights(hidden, empty, [1, 1, 1])).toThrow(/one number a token/);
    expect(() => applyTokenWeights(hidden, new Float32Array(6), [1, 1, 1, 1])).toThrow(/whole chunks/);
  });
});
