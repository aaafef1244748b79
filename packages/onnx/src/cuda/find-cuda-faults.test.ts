import { describe, expect, it } from "vitest";
import { DATA_TYPE_CODES, type OnnxDtype } from "../graph.js";
import { createGraph, type GraphBuilder, type Inputs } from "../graph-builder.js";
import { findCudaFaults } from "./find-cuda-faults.js";

/** A graph of whatever `build` makes of an input of the given type; its output is declared as that type. */
function faultsOf(
  build: (graph: GraphBuilder, inputs: Inputs) => Inputs[number],
  dtype: OnnxDtype = "float16",
) {
  const graph = createGraph("g");
  const dims = ["batch", 4, "height", "width"];
  const value = build(graph, [graph.input("x", dtype, dims)]);
  if (value !== undefined) graph.output("y", value, { dtype, dims });
  return findCudaFaults(graph.finish());
}

const FLOAT8 = {
  dtype: "float8e4m3fn",
  shape: [2, 4],
  location: "w.safetensors",
  byteOffset: 9,
  byteLength: 8,
} as const;

describe("findCudaFaults()", () => {
  it("finds nothing wrong with float16 throughout", () => {
    expect(faultsOf((graph, [x]) => graph.node("Add", [x, graph.node("Sigmoid", [x])]))).toEqual([]);
  });

  it("finds an operator that is not in the list", () => {
    expect(faultsOf((graph, [x]) => graph.node("Einsum", [x]))).toEqual([
      "Einsum_0 is Einsum, which is not in the list for CUDA",
      expect.stringMatching(/^output\.y reads/),
      expect.stringMatching(/^output y is undefined/),
    ]);
  });

  it("finds an operator under the wrong domain", () => {
    expect(faultsOf((graph, [x]) => graph.node("MultiHeadAttention", [x, x, x]))[0]).toMatch(
      /not in the list/,
    );
  });

  it("finds inputs of two types where one is asked for", () => {
    const faults = faultsOf((graph, [x]) => graph.node("Mul", [x, graph.constant("float32", [], [1])]));
    expect(faults).toEqual(["Mul_0 reads const.float32[](1) as float16, it is float32"]);
  });

  it("finds a type without a kernel", () => {
    expect(faultsOf((graph, [x]) => graph.node("Sigmoid", [x]), "bfloat16")[0]).toBe(
      "Sigmoid_0 reads x as float32 or float16, it is bfloat16",
    );
  });

  it.each(["Transpose", "Gather", "Cast"])("finds an FP8 weight that %s reads", (op) => {
    const faults = faultsOf((graph) => {
      const weight = graph.external({ name: "w", ...FLOAT8 });
      const index = op === "Gather" ? [graph.constant("int64", [1], [0])] : [];
      return graph.node(op, [weight, ...index], op === "Cast" ? { to: DATA_TYPE_CODES.float16 } : {});
    });
    expect(faults[0]).toMatch(new RegExp(`^${op}_0 reads w as`));
  });

  it("takes E5M2 in its decoder and not in the fused product", () => {
    const product = (dtype: "float8e4m3fn" | "float8e5m2") =>
      faultsOf((graph, [x]) => {
        const weight = graph.external({ name: "w", ...FLOAT8, dtype });
        const scales = graph.constant("float32", [2, 1], [1, 1]);
        return graph.node("com.microsoft:MatMulBlockQuantizedFp8Weight", [x, weight, scales], {
          block_size: 4,
        });
      });
    expect(product("float8e4m3fn")).toEqual([]);
    expect(product("float8e5m2")).toHaveLength(1);
    expect(
      faultsOf(
        (graph) =>
          graph.decode("DequantizeLinear", [
            graph.external({ name: "w", ...FLOAT8, dtype: "float8e5m2" }),
            graph.constant("float32", [], [1]),
          ]),
        "float32",
      ),
    ).toEqual([]);
  });

  it("finds a node that computes with a shape, and none that only takes one", () => {
    const withShape = (change: boolean) =>
      faultsOf((graph, [x]) => {
        const shape = graph.node("Shape", [x]);
        return graph.node("Reshape", [x, change ? graph.node("Identity", [shape]) : shape]);
      });
    expect(withShape(false)).toEqual([]);
    expect(withShape(true)).toEqual([
      "Identity_1 computes with the shape Shape_0:0, so it is given to the CPU",
    ]);
  });

  it("finds an output of another type than declared", () => {
    expect(faultsOf((graph, [x]) => graph.node("Cast", [x], { to: DATA_TYPE_CODES.float32 }))).toEqual([
      "output y is float32, declared float16",
    ]);
  });
});
