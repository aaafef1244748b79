import { FUSED_FLOAT8_OP, type Graph } from "@latentfarm/onnx";
import type { WeightSource } from "../weights/weight-source.js";

const FLOAT8: ReadonlySet<string> = new Set(["float8e4m3fn", "float8e5m2"]);

/** Operators that may read a stored FP8 weight. */
const FLOAT8_READERS: ReadonlySet<string> = new Set(["DequantizeLinear", FUSED_FLOAT8_OP]);

/**
 * What is wrong with a component's graph, in words; empty when nothing is: weights are decoded before all else, FP8
 * goes through DequantizeLinear or the fused product only, and each external initializer lies where the file's header says.
 */
export function findGraphFaults(graph: Graph, source: WeightSource): string[] {
  const faults: string[] = [];
  const byName = new Map(graph.initializers.map((initializer) => [initializer.name, initializer]));
  const stored = new Set(
    graph.initializers.filter(({ data }) => data.kind === "external").map(({ name }) => name),
  );
  const isDecode = graph.nodes.map(({ op, inputs, outputs }) => {
    if ((op !== "DequantizeLinear" && op !== "Cast") || !stored.has(inputs[0] ?? "")) return false;
    for (const output of outputs) stored.add(output); // A second step of the same decoding may follow.
    return true;
  });
  const decodeCount = isDecode.filter(Boolean).length;
  if (isDecode.indexOf(false) !== decodeCount) faults.push("a weight is decoded after another node");
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      if (FLOAT8.has(byName.get(input)?.dtype ?? "") && !FLOAT8_READERS.has(node.op)) {
        faults.push(`${node.name} reads FP8 ${input}`);
      }
    }
  }
  for (const { name, data } of graph.initializers) {
    if (data.kind === "inline") continue;
    const info = source.header.tensors.get(name);
    if (data.byteOffset !== info?.byteOffset || data.byteLength !== info.byteLength) {
      faults.push(`${name} lies elsewhere in the file`);
    }
    if (data.location !== source.location) faults.push(`${name} lies in another file`);
  }
  return faults;
}
