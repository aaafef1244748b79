import { createGraph, float, type Value } from "@latentfarm/onnx";
import { type ComponentGraph, finishComponent } from "../component-graph.js";
import { toCompute, toFloat32 } from "../weights/convert.js";
import type { GraphTarget } from "../weights/graph-target.js";
import { linear } from "../weights/linear.js";
import type { WeightSource } from "../weights/weight-source.js";
import { createWeights, type Weights } from "../weights/weights.js";
import { T5_TITLE, type T5Config } from "./t5-config.js";

/** Source: Hugging Face transformers, `T5Config.layer_norm_epsilon`. */
const NORM_EPSILON = 1e-6;

/**
 * The gated layer's inner values are divided by this before its last product, and the product is multiplied by it
 * after: in float16 that product leaves the range of 65504 in some blocks of T5-XXL, which is why Hugging Face keeps
 * `wo` in float32. A power of two changes no digit; values under 0.004 lose some, which is 1e-5 of them at most in
 * absolute terms.
 * Source of the overflow: Hugging Face transformers, `T5PreTrainedModel._keep_in_fp32_modules`.
 */
const GATE_HEADROOM = 64;

/**
 * Emits the graph of a T5 encoder.
 *
 * Inputs: `embeddings` ``float32 [batch, tokens, hidden]``, the rows of the token table; `position_buckets` ``int64
 * [tokens, tokens]``, see `t5PositionBuckets()`. Output: `hidden` ``float32 [batch, tokens, hidden]``, after the final
 * norm. There is no mask: padding is seen, as SD3 was trained. The state that the blocks add to is float32 on every
 * target: it grows beyond float16 in T5-XXL.
 *
 * Source: Stability-AI/sd3.5, `other_impls.py`, T5.
 * @throws {FarmError} model_invalid when a tensor is missing or has another shape
 */
export function buildT5Graph(
  source: WeightSource,
  config: T5Config,
  target: GraphTarget = "cpu",
): ComponentGraph {
  const { hidden, prefix } = config;
  const graph = createGraph("t5xxl");
  const encoder = createWeights({ graph, source, prefix, as: T5_TITLE, target }).in("encoder");
  const embeddings = graph.input("embeddings", "float32", ["batch", "tokens", hidden]);
  const buckets = graph.input("position_buckets", "int64", ["tokens", "tokens"]);
  const blocks = encoder.in("block");
  const bias = positionBias(blocks.in(0).in("layer").in(0).in("SelfAttention"), buckets, config);
  let state = embeddings;
  for (let layer = 0; layer < config.layers; layer += 1) {
    const parts = blocks.in(layer).in("layer");
    state = attentionLayer(parts.in(0), { state, bias }, config);
    state = gatedLayer(parts.in(1), state, config);
  }
  const output = rmsNorm(encoder.in("final_layer_norm"), state, hidden);
  graph.output("hidden", output, { dtype: "float32", dims: ["batch", "tokens", hidden] });
  return finishComponent("t5xxl", graph, source);
}

/** Looks the bias of each pair of positions up: ``[1, heads, tokens, tokens]``; block 0 holds it for all blocks. */
function positionBias(attention: Weights, buckets: Value, { buckets: count, heads }: T5Config): Value {
  const { graph } = attention;
  const table = attention.in("relative_attention_bias").tensor("weight", [count, heads]);
  const pairs = graph.node("Gather", [table, buckets], { axis: 0 }); // [tokens, tokens, heads]
  const perHead = graph.node("Transpose", [pairs], { perm: [2, 0, 1] });
  return graph.node("Unsqueeze", [perHead, graph.constant("int64", [1], [0])]);
}

function attentionLayer(
  weights: Weights,
  { state, bias }: { state: Value; bias: Value },
  { hidden, heads, inner }: T5Config,
): Value {
  const normed = toCompute(weights, rmsNorm(weights.in("layer_norm"), state, hidden));
  const attention = weights.in("SelfAttention");
  const part = (name: string) => linear(attention.in(name), normed, [inner, hidden]);
  const attended = attention.graph.node(
    "com.microsoft:MultiHeadAttention",
    [part("q"), part("k"), part("v"), undefined, undefined, bias],
    { num_heads: heads, scale: float(1) }, // T5 folds 1/sqrt(head width) into its weights.
  );
  const change = linear(attention.in("o"), attended, [hidden, inner]);
  return weights.graph.node("Add", [state, toFloat32(weights, change)]);
}

function gatedLayer(weights: Weights, state: Value, { hidden, gate }: T5Config): Value {
  const { graph } = weights;
  const normed = toCompute(weights, rmsNorm(weights.in("layer_norm"), state, hidden));
  const dense = weights.in("DenseReluDense");
  const gelu = dense.graph.node("Gelu", [linear(dense.in("wi_0"), normed, [gate, hidden])], {
    approximate: "tanh",
  });
  const open = linear(dense.in("wi_1"), normed, [gate, hidden]);
  const out = (gated: Value) => linear(dense.in("wo"), gated, [hidden, gate]);
  if (weights.compute === "float32") return graph.node("Add", [state, out(graph.node("Mul", [gelu, open]))]);
  const small = graph.node("Mul", [open, weights.constant([], [1 / GATE_HEADROOM])]);
  const change = toFloat32(weights, out(graph.node("Mul", [gelu, small])));
  const whole = graph.node("Mul", [change, graph.constant("float32", [], [GATE_HEADROOM])]);
  return graph.node("Add", [state, whole]);
}

/** In float32 on every target, as the state that it norms. */
function rmsNorm(weights: Weights, x: Value, hidden: number): Value {
  const weight = weights.inFloat32().tensor("weight", [hidden]);
  return weights.graph.node("SimplifiedLayerNormalization", [x, weight], {
    axis: -1,
    epsilon: float(NORM_EPSILON),
  });
}
