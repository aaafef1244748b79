import { createGraph, type Graph } from "@latentfarm/onnx";
import { describe, expect, it } from "vitest";
import { canFoldWeights, FOLDED_BYTES_MAX } from "./weight-folding.js";

const LARGE_MACHINE_BYTES = 1e12;

/** A graph with one FP8 weight, beside constants, which do not count. */
function graphOf(weights: number): Graph {
  const graph = createGraph("sized");
  graph.constant("float32", [2], [1, 2]);
  graph.external({
    name: "weight",
    dtype: "float8e4m3fn",
    shape: [weights],
    location: "weights.safetensors",
    byteOffset: 0,
    byteLength: weights,
  });
  return graph.finish();
}

describe("canFoldWeights()", () => {
  it("counts four bytes a weight, up to the cap", () => {
    const weights = FOLDED_BYTES_MAX / 4;
    expect(canFoldWeights(graphOf(weights), LARGE_MACHINE_BYTES)).toBe(true);
    expect(canFoldWeights(graphOf(weights + 1), LARGE_MACHINE_BYTES)).toBe(false);
  });

  it("takes a sixteenth of a small machine", () => {
    expect(canFoldWeights(graphOf(1000), 64_000)).toBe(true);
    expect(canFoldWeights(graphOf(1001), 64_000)).toBe(false);
  });
});
