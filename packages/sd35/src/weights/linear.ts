import type { Value } from "@latentfarm/onnx";
import type { Weights } from "./weights.js";

/**
 * A linear layer with the weights at this scope: x `[..., in]` times `weight [out, in]` transposed, plus `bias [out]`
 * where the file has one; all in the type that the scope computes in.
 *
 * The weight is read in the file's own layout: the transposition is an attribute of the product, since a Transpose of
 * an FP8 weight would be folded into a private copy. This is the one place that multiplies by a linear weight, and so
 * the one where the CPU's graph and CUDA's part: CUDA has an operator that reads E4M3 weights, and decodes them as it
 * multiplies.
 * @throws {FarmError} model_invalid when the weights are missing or have another shape
 */
export function linear(weights: Weights, x: Value, shape?: readonly [out: number, inputs: number]): Value {
  const bias = weights.has("bias") ? weights.tensor("bias", shape && [shape[0]]) : undefined;
  if (weights.target === "cuda" && weights.dtype("weight") === "F8_E4M3") {
    return multiplyFloat8(weights, x, { shape, bias });
  }
  const { graph } = weights;
  const weight = weights.linearWeight("weight", shape);
  const product = graph.node("com.microsoft:FusedMatMul", [x, weight], { transB: 1 });
  return bias === undefined ? product : graph.node("Add", [product, bias]);
}

/**
 * The product with an FP8 weight as it lies. A row of the weight is one block, so the file's one scale is repeated for
 * each row; plain FP8 has the scale 1. The operator wants float16 activations.
 * Source: microsoft/onnxruntime, docs/contrib_ops/cuda/matmul_block_scaled_fp8.md.
 */
function multiplyFloat8(
  weights: Weights,
  x: Value,
  options: { readonly shape: readonly [number, number] | undefined; readonly bias: Value | undefined },
): Value {
  const { graph } = weights;
  const { stored, scale, rows, columns } = weights.float8Weight("weight", options.shape);
  const scales = graph.constant("float32", [rows, 1], new Array<number>(rows).fill(scale));
  const optional = options.bias === undefined ? [] : [undefined, options.bias]; // no scale of the activations
  return graph.node("com.microsoft:MatMulBlockQuantizedFp8Weight", [x, stored, scales, ...optional], {
    block_size: columns,
  });
}
