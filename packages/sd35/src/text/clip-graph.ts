import { createGraph, float, type Value } from "@latentfarm/onnx";
import { type ComponentGraph, finishComponent } from "../component-graph.js";
import { toCompute, toFloat32 } from "../weights/convert.js";
import type { GraphTarget } from "../weights/graph-target.js";
import { linear } from "../weights/linear.js";
import type { WeightSource } from "../weights/weight-source.js";
import { createWeights, type Weights } from "../weights/weights.js";
import { type ClipConfig, clipTitle } from "./clip-config.js";

/** Source: openai/CLIP, torch's LayerNorm default. */
const NORM_EPSILON = 1e-5;

/** CLIP-L's activation is x * sigmoid(1.702 x). Source: openai/CLIP, `clip/model.py`, QuickGELU. */
const QUICK_GELU_ALPHA = 1.702;

/**
 * Emits the graph of a CLIP text encoder.
 *
 * Inputs: `embeddings` ``float32 [batch, tokens, hidden]``, the rows of the token table (looked up outside, so that the
 * table is never decoded as a whole); `end_index` ``int64 [batch]``, the position of the first end token.
 * Outputs: `hidden_penultimate` ``float32 [batch, tokens, hidden]``, the state before the last layer without the final
 * norm; `pooled_unprojected` ``float32 [batch, hidden]``, the final-norm state at the end token; `pooled_projected`
 * ``float32 [batch, projection]``.
 *
 * Source: Stability-AI/sd3.5, `other_impls.py`, CLIPTextModel; ComfyUI, `comfy/clip_model.py`.
 * @throws {FarmError} model_invalid when a tensor is missing or has another shape
 */
export function buildClipGraph(
  source: WeightSource,
  config: ClipConfig,
  target: GraphTarget = "cpu",
): ComponentGraph {
  const { kind, hidden, prefix } = config;
  const graph = createGraph(kind);
  const root = createWeights({ graph, source, prefix, as: clipTitle(kind), target });
  const embeddings = graph.input("embeddings", "float32", ["batch", "tokens", hidden]);
  const endIndex = graph.input("end_index", "int64", ["batch"]);
  const model = root.in("text_model");
  let state = addPositions(model.in("embeddings"), toCompute(root, embeddings), config);
  let penultimate = state;
  for (let layer = 0; layer < config.layers; layer += 1) {
    penultimate = state;
    state = encoderLayer(model.in("encoder").in("layers").in(layer), state, config);
  }
  const final = layerNorm(model.in("final_layer_norm"), state, hidden);
  // [batch] -> [batch, 1] picks one position of each row: [batch, tokens, hidden] -> [batch, hidden]
  const index = graph.node("Unsqueeze", [endIndex, graph.constant("int64", [1], [1])]);
  const pooled = graph.node("GatherND", [final, index], { batch_dims: 1 });
  const dims = ["batch", "tokens", hidden];
  graph.output("hidden_penultimate", toFloat32(root, penultimate), { dtype: "float32", dims });
  graph.output("pooled_unprojected", toFloat32(root, pooled), { dtype: "float32", dims: ["batch", hidden] });
  graph.output("pooled_projected", toFloat32(root, project(root, pooled, config)), {
    dtype: "float32",
    dims: ["batch", config.projectionWidth],
  });
  return finishComponent(kind, graph, source);
}

/** Adds the first rows of the position table: ``[batch, tokens, hidden]``. */
function addPositions(weights: Weights, embeddings: Value, { positions, hidden }: ClipConfig): Value {
  const { graph } = weights;
  const table = weights.in("position_embedding").tensor("weight", [positions, hidden]);
  const tokens = graph.node("Shape", [embeddings], { start: 1, end: 2 });
  const start = graph.constant("int64", [1], [0]);
  return graph.node("Add", [embeddings, graph.node("Slice", [table, start, tokens, start])]);
}

function encoderLayer(weights: Weights, state: Value, config: ClipConfig): Value {
  const { graph } = weights;
  const { hidden } = config;
  const attended = selfAttention(
    weights.in("self_attn"),
    layerNorm(weights.in("layer_norm1"), state, hidden),
    config,
  );
  const middle = graph.node("Add", [state, attended]);
  const mlp = weights.in("mlp");
  const [width = 0] = mlp.in("fc1").shape("weight");
  const up = linear(mlp.in("fc1"), layerNorm(weights.in("layer_norm2"), middle, hidden), [width, hidden]);
  const activated =
    config.kind === "clip_l"
      ? mlp.graph.node("com.microsoft:QuickGelu", [up], { alpha: float(QUICK_GELU_ALPHA) })
      : mlp.graph.node("Gelu", [up]);
  return graph.node("Add", [middle, linear(mlp.in("fc2"), activated, [hidden, width])]);
}

/** Causal attention: a token sees itself and those before it. */
function selfAttention(weights: Weights, x: Value, { hidden, heads }: ClipConfig): Value {
  const part = (name: string) => linear(weights.in(name), x, [hidden, hidden]);
  const attended = weights.graph.node(
    "com.microsoft:MultiHeadAttention",
    [part("q_proj"), part("k_proj"), part("v_proj")],
    { num_heads: heads, unidirectional: 1 },
  );
  return linear(weights.in("out_proj"), attended, [hidden, hidden]);
}

function layerNorm(weights: Weights, x: Value, hidden: number): Value {
  return weights.graph.node(
    "LayerNormalization",
    [x, weights.tensor("weight", [hidden]), weights.tensor("bias", [hidden])],
    { axis: -1, epsilon: float(NORM_EPSILON) },
  );
}

/** Without a projection the encoder's is the identity, as ComfyUI initialises it. */
function project(root: Weights, pooled: Value, { projection, hidden, projectionWidth }: ClipConfig): Value {
  if (projection === undefined) return pooled;
  if (projection === "text_projection.weight") {
    return linear(root.in("text_projection"), pooled, [projectionWidth, hidden]);
  }
  const weight = root.tensor("text_projection", [hidden, projectionWidth]);
  return root.graph.node("MatMul", [pooled, weight]);
}
