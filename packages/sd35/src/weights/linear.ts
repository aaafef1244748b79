import type { Value } from "@latentfarm/onnx";
import type { Weights } from "./weights.js";

/**
 * A linear layer with the weights at this scope: x `float32 [..., in]` times `weight [out, in]` transposed, plus `bias
 * [out]` where the file has one.
 *
 * The weight is read in the file's own layout: the transposition is an attribute of the product, since a Transpose of
 * an FP8 weight would be folded into a private copy. This is the one place that multiplies by a linear weight, so
 * another precision plan (a fused FP8 operator on CUDA) is a change of this function alone.
 * @throws {FarmError} model_invalid when the weights are missing or have another shape
 */
export function linear(weights: Weights, x: Value, shape?: readonly [out: number, inputs: number]): Value {
  const { graph } = weights;
  const weight = weights.linearWeight("weight", shape);
  const product = graph.node("com.microsoft:FusedMatMul", [x, weight], { transB: 1 });
  if (!weights.has("bias")) return product;
  return graph.node("Add", [product, weights.tensor("bias", shape && [shape[0]])]);
}
