import { DATA_TYPE_CODES, type Value } from "@latentfarm/onnx";
import type { Weights } from "./weights.js";

/** A float32 value in the type that this scope computes in. */
export function toCompute({ graph, compute }: Weights, x: Value): Value {
  return compute === "float32" ? x : graph.node("Cast", [x], { to: DATA_TYPE_CODES[compute] });
}

/** A value of the type that this scope computes in, as float32. */
export function toFloat32({ graph, compute }: Weights, x: Value): Value {
  return compute === "float32" ? x : graph.node("Cast", [x], { to: DATA_TYPE_CODES.float32 });
}
