import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { float } from "./graph.js";
import { createGraph } from "./graph-builder.js";
import { ModelProto } from "./serde/onnx-schema.js";
import { serializeModel } from "./serde/serialize-model.js";

const WEIGHT = {
  dtype: "float8e4m3fn",
  shape: [2, 4],
  location: "w.safetensors",
  byteOffset: 9,
  byteLength: 8,
} as const;

/** x [batch, 4] times an FP8 weight [2, 4], whose decode node is added after the node that opens the graph. */
function linearGraph() {
  const graph = createGraph("linear");
  const x = graph.input("x", "float32", ["batch", 4]);
  const normed = graph
    .in("block")
    .in(0)
    .node("LayerNormalization", [x, graph.constant("float32", [4], [1, 1, 1, 1])], {
      axis: -1,
      epsilon: float(1e-6),
    });
  const stored = graph.external({ name: "fc.weight", ...WEIGHT });
  const weight = graph.decode("DequantizeLinear", [stored, graph.constant("float32", [], [1])]);
  const y = graph.node("com.microsoft:FusedMatMul", [normed, weight], { transB: 1 });
  graph.output("y", y, { dtype: "float32", dims: ["batch", 2] });
  return graph;
}

describe("createGraph()", () => {
  it("puts decode nodes before every other node", () => {
    expect(
      linearGraph()
        .finish()
        .nodes.map((node) => node.op),
    ).toEqual(["DequantizeLinear", "LayerNormalization", "FusedMatMul", "Identity"]);
  });

  it("names nodes by their scope", () => {
    const names = linearGraph()
      .finish()
      .nodes.map((node) => node.name);
    expect(names).toContain("block.0.LayerNormalization_0");
  });

  it("keeps one initializer for equal constants and for one weight name", () => {
    const graph = createGraph("g");
    expect(graph.constant("int64", [1], [3]).name).toBe(graph.constant("int64", [1], [3]).name);
    expect(graph.external({ name: "a", ...WEIGHT })).toEqual(graph.external({ name: "a", ...WEIGHT }));
    expect(graph.finish().initializers).toHaveLength(2);
  });

  it("names a long constant by its digest, equal ones alike", () => {
    const graph = createGraph("g");
    const ones = new Array<number>(2432).fill(1);
    const { name } = graph.constant("float32", [2432], ones);
    expect(name.length).toBeLessThan(100);
    expect(graph.constant("float32", [2432], ones).name).toBe(name);
    expect(graph.constant("float32", [2432], ones.with(2431, 2)).name).not.toBe(name);
  });

  it("rejects a second view of one weight", () => {
    const graph = createGraph("g");
    graph.external({ name: "a", ...WEIGHT });
    expect(() => graph.external({ name: "a", ...WEIGHT, dtype: "uint8" })).toThrow(/one type and shape/);
    expect(() => graph.external({ name: "a", ...WEIGHT, shape: [4, 2] })).toThrow(/one type and shape/);
  });

  it("rejects an external tensor whose shape does not fill its bytes", () => {
    expect(() => createGraph("g").external({ name: "a", ...WEIGHT, byteLength: 7 })).toThrow(FarmError);
  });

  it("rejects a location with a folder part", () => {
    expect(() => createGraph("g").external({ name: "a", ...WEIGHT, location: "../w" })).toThrow(
      /bare file name/,
    );
  });

  it("rejects a value that is read before it is computed", () => {
    const graph = createGraph("g");
    graph.node("Relu", [{ name: "nowhere" }]);
    expect(() => graph.finish()).toThrow(/nowhere is computed before/);
  });

  it("rejects a name used twice", () => {
    const graph = createGraph("g");
    graph.input("x", "float32", [1]);
    expect(() => graph.input("x", "float32", [1])).toThrow(/used once/);
  });
});

describe("serializeModel()", () => {
  const decoded = ModelProto.toObject(ModelProto.decode(serializeModel(linearGraph().finish())), {
    longs: Number,
    bytes: String,
  });

  it("writes opset 21 and the contributed domain", () => {
    expect(decoded.opset_import).toEqual([{ version: 21 }, { domain: "com.microsoft", version: 1 }]);
  });

  it("writes a weight as external data at its own offset", () => {
    expect(
      decoded.graph.initializer.find((tensor: { name: string }) => tensor.name === "fc.weight"),
    ).toMatchObject({
      dims: [2, 4],
      data_type: 17,
      data_location: 1,
      external_data: [
        { key: "location", value: "w.safetensors" },
        { key: "offset", value: "9" },
        { key: "length", value: "8" },
      ],
    });
  });

  it("writes float and int attributes with their types", () => {
    const norm = decoded.graph.node.find(
      (node: { op_type: string }) => node.op_type === "LayerNormalization",
    );
    expect(norm.attribute).toMatchObject([
      { name: "axis", type: 2, i: -1 },
      { name: "epsilon", type: 1, f: Math.fround(1e-6) },
    ]);
  });

  it("refuses a fraction that is not marked as float", () => {
    const graph = createGraph("g");
    graph.output("y", graph.node("Elu", [graph.input("x", "float32", [1])], { alpha: 0.5 }), {
      dtype: "float32",
      dims: [1],
    });
    expect(() => serializeModel(graph.finish())).toThrow(/wrap floats/);
  });
});
