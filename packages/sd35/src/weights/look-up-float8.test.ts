import { createGraph, type Graph } from "@latentfarm/onnx";
import { describe, expect, it } from "vitest";
import { detectMmdit } from "../mmdit/config.js";
import { mmditGraph } from "../mmdit/mmdit.js";
import { synthTensors } from "../synth/synth-tensors.js";
import { plannedSource } from "../testing/planned-source.js";
import { lookUpFloat8 } from "./look-up-float8.js";

/** A weight `[rows, columns]` that DequantizeLinear decodes, and a product with it. */
function decodingGraph(rows: number, columns: number, scale = 1): Graph {
  const graph = createGraph("g");
  const stored = graph.external({
    name: "w",
    dtype: "float8e4m3fn",
    shape: [rows, columns],
    location: "w.safetensors",
    byteOffset: 9,
    byteLength: rows * columns,
  });
  const weight = graph.decode("DequantizeLinear", [stored, graph.constant("float32", [], [scale])]);
  const x = graph.input("x", "float32", ["batch", columns]);
  const product = graph.node("com.microsoft:FusedMatMul", [x, weight], { transB: 1 });
  graph.output("y", product, { dtype: "float32", dims: ["batch", rows] });
  return graph.finish();
}

const operators = ({ nodes }: Graph) => nodes.map(({ op }) => op);

describe("lookUpFloat8()", () => {
  it("reads two bytes at a time from where the weight lies", () => {
    const graph = lookUpFloat8(decodingGraph(256, 256));
    expect(operators(graph)).toEqual(["Cast", "Gather", "Reshape", "FusedMatMul", "Identity"]);
    expect(graph.initializers.find(({ name }) => name === "w")).toMatchObject({
      dtype: "uint16",
      shape: [256, 128],
      data: { byteOffset: 9, byteLength: 256 * 256 },
    });
  });

  it("multiplies by a scale other than 1", () => {
    expect(operators(lookUpFloat8(decodingGraph(256, 256, 0.5)))).toContain("Mul");
  });

  it.each([
    ["few values", 255, 256],
    ["rows of an odd length", 256, 257],
  ])("leaves a weight of %s as it is", (_, rows, columns) => {
    const graph = decodingGraph(rows, columns);
    expect(lookUpFloat8(graph)).toEqual(graph);
  });

  it("leaves no large FP8 weight of SD3.5 Large to DequantizeLinear, and one table", () => {
    const source = plannedSource(synthTensors("sd3.5-large"));
    const graph = lookUpFloat8(mmditGraph(source, detectMmdit(source)).finish());
    expect(operators(graph)).not.toContain("DequantizeLinear");
    expect(graph.initializers.filter(({ name }) => name.startsWith("pairs of"))).toHaveLength(1);
  });
});
