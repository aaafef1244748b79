import type { GraphBuilder, Value } from "@latentfarm/onnx";

/** SiLU: x * sigmoid(x), elementwise. */
export function silu(graph: GraphBuilder, x: Value): Value {
  return graph.node("Mul", [x, graph.node("Sigmoid", [x])]);
}
