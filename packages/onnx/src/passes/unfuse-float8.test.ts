import { describe, expect, it } from "vitest";
import type { Value } from "../graph.js";
import { createGraph } from "../graph-builder.js";
import { unfuseFloat8 } from "./unfuse-float8.js";

interface Options {
  readonly blockSize?: number;
  readonly scales?: readonly number[];
  readonly bias?: boolean;
  readonly activationScale?: boolean;
}

function fusedGraph({
  blockSize = 4,
  scales = [0.5, 0.5],
  bias = false,
  activationScale = false,
}: Options = {}) {
  const graph = createGraph("g");
  const x = graph.input("x", "float16", ["batch", 4]);
  const weight = graph.external({
    name: "w",
    dtype: "float8e4m3fn",
    shape: [2, 4],
    location: "w.safetensors",
    byteOffset: 9,
    byteLength: 8,
  });
  const inputs: (Value | undefined)[] = [x, weight, graph.constant("float32", [scales.length, 1], scales)];
  if (bias || activationScale) inputs.push(activationScale ? graph.constant("float32", [], [1]) : undefined);
  if (bias) inputs.push(graph.inline("float16", [2], new Uint8Array(4)));
  const before = graph.node("Sigmoid", [x]);
  inputs[0] = before;
  const y = graph.node("com.microsoft:MatMulBlockQuantizedFp8Weight", inputs, { block_size: blockSize });
  graph.output("y", y, { dtype: "float16", dims: ["batch", 2] });
  return graph.finish();
}

describe("unfuseFloat8()", () => {
  it("decodes in float32, rounds to float16 and multiplies, the decoding first", () => {
    const { nodes } = unfuseFloat8(fusedGraph());
    expect(nodes.map(({ op }) => op)).toEqual([
      "DequantizeLinear",
      "Cast",
      "Sigmoid",
      "FusedMatMul",
      "Identity",
    ]);
    expect(nodes[3]).toMatchObject({ attributes: { transB: 1 }, domain: "com.microsoft" });
  });

  it("adds the bias last, under the name of the fused output", () => {
    const graph = fusedGraph({ bias: true });
    const { nodes } = unfuseFloat8(graph);
    const fused = graph.nodes.find(({ op }) => op === "MatMulBlockQuantizedFp8Weight");
    expect(nodes.at(-2)).toMatchObject({ op: "Add", outputs: fused?.outputs });
    expect(nodes.at(-2)?.inputs[1]).toBe(fused?.inputs[4]);
  });

  it("keeps the scales' bytes as a vector and drops what nothing reads", () => {
    const { initializers, nodes } = unfuseFloat8(fusedGraph({ scales: [0.5, 0.25] }));
    const scale = initializers.find(({ name }) => name === nodes[0]?.inputs[1]);
    expect(scale).toMatchObject({ dtype: "float32", shape: [2] });
    expect(initializers).toHaveLength(2);
  });

  it("leaves a graph without the operator as it is", () => {
    const once = unfuseFloat8(fusedGraph());
    expect(unfuseFloat8(once)).toEqual(once);
  });

  it.each<[string, Options]>([
    ["blocks smaller than a row", { blockSize: 2 }],
    ["another number of scales", { scales: [1] }],
    ["scaled activations", { activationScale: true }],
  ])("rejects %s", (_, options) => {
    expect(() => unfuseFloat8(fusedGraph(options))).toThrow(/MatMulBlockQuantizedFp8Weight/);
  });
});
