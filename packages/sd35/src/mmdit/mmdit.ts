import { createGraph, type GraphBuilder, type Value } from "@latentfarm/onnx";
import { type ComponentGraph, finishComponent } from "../component-graph.js";
import { silu } from "../weights/activations.js";
import { toCompute, toFloat32 } from "../weights/convert.js";
import type { GraphTarget } from "../weights/graph-target.js";
import { linear } from "../weights/linear.js";
import type { WeightSource } from "../weights/weight-source.js";
import { createWeights, type Weights } from "../weights/weights.js";
import { detectMmdit, LATENT_CHANNELS, type MmditConfig, PATCH_SIZE } from "./config.js";
import { embedTimestep, embedVector } from "./embedders.js";
import { jointBlock, type Streams } from "./joint-block.js";
import { layerNorm, modulate, NORM_MODULATION, shiftAndScale } from "./modulation.js";
import { embedPatches, unpatchify } from "./patch-embed.js";

const AS = "an SD3 diffusion model";

/**
 * Builds the denoiser. Inputs: latent `float32 [batch, 16, height, width]`, timestep `float32 [batch]` (1000 * sigma,
 * one per row), context `float32 [batch, tokens, contextWidth]`, pooled `float32 [batch, pooledWidth]`. Output:
 * velocity `float32 [batch, 16, height, width]`. A skippable configuration adds the input keep `float32 [batch, depth]`:
 * 1 runs a block for a row, 0 leaves it out, text and picture as they were. Height and width are even, and at most twice the position grid.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `MMDiTX.forward`.
 * @throws {FarmError} model_invalid when the file is no SD3 diffusion model or lacks a part of it
 */
export function buildMmdit(
  source: WeightSource,
  config: MmditConfig = detectMmdit(source),
  target: GraphTarget = "cpu",
): ComponentGraph {
  return finishComponent("mmdit", mmditGraph(source, config, target), source);
}

/**
 * The graph of {@link buildMmdit} before it is serialised.
 * @throws {FarmError} model_invalid as {@link buildMmdit}
 */
export function mmditGraph(
  source: WeightSource,
  config: MmditConfig,
  target: GraphTarget = "cpu",
): GraphBuilder {
  const { hidden, contextWidth, pooledWidth } = config;
  const graph = createGraph("mmdit");
  const latentDims = ["batch", LATENT_CHANNELS, "height", "width"] as const;
  const latent = graph.input("latent", "float32", latentDims);
  const timestep = graph.input("timestep", "float32", ["batch"]);
  const context = graph.input("context", "float32", ["batch", "tokens", contextWidth]);
  const pooled = graph.input("pooled", "float32", ["batch", pooledWidth]);
  const weights = createWeights({ graph, source, prefix: config.prefix, as: AS, target });

  const patches = graph.node("SpaceToDepth", [latent], { blocksize: PATCH_SIZE }); // [batch, 4 * 16, rows, columns]
  const condition = embedCondition(weights, { timestep, pooled: toCompute(weights, pooled) }, config);
  let streams: Streams = {
    context: linear(weights.in("context_embedder"), toCompute(weights, context), [hidden, contextWidth]),
    x: embedPatches(weights, { latent, patches }, config),
  };
  const keeps = config.skippable ? keepInput(weights, config.depth) : [];
  const contextTokens = graph.node("Shape", [context], { start: 1, end: 2 });
  for (let index = 0; index < config.depth; index++) {
    const block = weights.in("joint_blocks").in(index);
    const keep = keeps[index];
    streams = jointBlock(block, streams, { config, index, condition, contextTokens, ...(keep && { keep }) });
  }
  const tokens = finalLayer(weights.in("final_layer"), streams.x, { condition, hidden });
  graph.output("velocity", unpatchify(graph, toFloat32(weights, tokens), patches), {
    dtype: "float32",
    dims: latentDims,
  });
  return graph;
}

/**
 * SiLU of the sum of timestep and pooled text, which every adaLN layer starts with: `[batch, 1, hidden]`. It
 * is computed once, and carries the token axis so that the adaLN vectors broadcast over tokens.
 */
function embedCondition(
  weights: Weights,
  inputs: { readonly timestep: Value; readonly pooled: Value },
  { hidden, pooledWidth }: MmditConfig,
): Value {
  const { graph } = weights;
  const time = embedTimestep(weights.in("t_embedder"), inputs.timestep, hidden); // [batch, hidden]
  const text = embedVector(weights.in("y_embedder"), inputs.pooled, { inputs: pooledWidth, hidden });
  const active = silu(graph, graph.node("Add", [time, text]));
  return graph.node("Unsqueeze", [active, graph.constant("int64", [1], [1])]);
}

/** The input `keep` by block: `[batch, 1, 1]` each, so that it scales the gates of that block. */
function keepInput(weights: Weights, depth: number): readonly Value[] {
  const { graph } = weights;
  const keep = toCompute(weights, graph.input("keep", "float32", ["batch", depth]));
  const column = graph.node("Unsqueeze", [keep, graph.constant("int64", [1], [2])]); // [batch, depth, 1]
  return graph.nodes("Split", [column], {
    attributes: { axis: 1, num_outputs: depth },
    outputCount: depth,
  });
}

/** Norm and projection to patches: `[batch, tokens, hidden]` -> `[batch, tokens, 2 * 2 * 16]`. */
function finalLayer(
  weights: Weights,
  x: Value,
  { condition, hidden }: { readonly condition: Value; readonly hidden: number },
): Value {
  const by = modulate(weights, condition, { names: NORM_MODULATION, hidden });
  const normed = layerNorm(weights, x, hidden);
  const input = shiftAndScale(weights, normed, { shift: by("shiftAttention"), scale: by("scaleAttention") });
  return linear(weights.in("linear"), input, [PATCH_SIZE * PATCH_SIZE * LATENT_CHANNELS, hidden]);
}
