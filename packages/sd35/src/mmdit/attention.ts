import { invariant } from "@latentfarm/contract";
import { float, type Value } from "@latentfarm/onnx";
import { linear } from "../weights/linear.js";
import type { Weights } from "../weights/weights.js";
import { HEAD_WIDTH, type MmditConfig } from "./config.js";

/** Added to the mean square before the root. Source: Stability-AI/sd3.5 `mmditx.py`, `RMSNorm` in `SelfAttention`. */
const RMS_EPSILON = 1e-6;

/** Queries, keys and values of one stream: `float32 [batch, tokens, hidden]` each. */
export interface Projections {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/** Projects a stream for attention, queries and keys normalised per head where the model does so. */
export function projectQkv(weights: Weights, x: Value, config: MmditConfig): Projections {
  const { hidden, qkNorm } = config;
  const joined = linear(weights.in("qkv"), x, [3 * hidden, hidden]); // [batch, tokens, 3 * hidden]
  const [query, key, value] = splitLast(weights, joined, 3);
  invariant(query !== undefined && key !== undefined && value !== undefined, "qkv splits into three parts");
  if (!qkNorm) return { query, key, value };
  return {
    query: normalizeHeads(weights.in("ln_q"), query, config),
    key: normalizeHeads(weights.in("ln_k"), key, config),
    value,
  };
}

/** RMSNorm over each head: `float32 [batch, tokens, hidden]`, shape kept. */
function normalizeHeads(weights: Weights, x: Value, { heads, hidden }: MmditConfig): Value {
  const { graph } = weights;
  const split = graph.node("Reshape", [x, graph.constant("int64", [4], [0, 0, heads, HEAD_WIDTH])]); // [batch, tokens, heads, 64]
  const normed = graph.node("SimplifiedLayerNormalization", [split, weights.tensor("weight", [HEAD_WIDTH])], {
    axis: -1,
    epsilon: float(RMS_EPSILON),
  });
  return graph.node("Reshape", [normed, graph.constant("int64", [3], [0, 0, hidden])]); // [batch, tokens, hidden]
}

/**
 * Attention of every token to every token, without a mask: text length is fixed per model, and onnxruntime takes its
 * fast path only so. `float32 [batch, tokens, hidden]`.
 */
export function attend(weights: Weights, { query, key, value }: Projections, heads: number): Value {
  return weights.graph.node("com.microsoft:MultiHeadAttention", [query, key, value], { num_heads: heads });
}

/** Splits the last axis into `count` equal parts. */
export function splitLast(weights: Weights, x: Value, count: number): readonly Value[] {
  return weights.graph.nodes("Split", [x], {
    attributes: { axis: -1, num_outputs: count },
    outputCount: count,
  });
}
