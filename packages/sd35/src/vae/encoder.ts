import { createGraph, type GraphBuilder } from "@latentfarm/onnx";
import { type ComponentGraph, finishComponent } from "../component-graph.js";
import { toCompute, toFloat32 } from "../weights/convert.js";
import type { GraphTarget } from "../weights/graph-target.js";
import type { WeightSource } from "../weights/weight-source.js";
import { createWeights } from "../weights/weights.js";
import { detectVae, VAE_LATENT_CHANNELS } from "./config.js";
import { convolve, downsample, type Maps, middle, project, residualBlock } from "./layers.js";

const IMAGE_CHANNELS = 3;

/**
 * Builds the VAE encoder: image `float32 [batch, 3, image_height, image_width]` in -1 to 1, sides multiples of 8, ->
 * moments `float32 [batch, 32, height, width]`: 16 means, then 16 log-variances, not clamped.
 * Source: Stability-AI/sd3.5 `sd3_impls.py`, `VAEEncoder`.
 * @throws {FarmError} model_invalid when the file holds no SD3 VAE encoder or lacks a part of it
 */
export function buildVaeEncoder(source: WeightSource, target: GraphTarget = "cpu"): ComponentGraph {
  return finishComponent("vae_encoder", vaeEncoderGraph(source, target), source);
}

/**
 * The graph of {@link buildVaeEncoder} before it is serialised.
 * @throws {FarmError} model_invalid as {@link buildVaeEncoder}
 */
export function vaeEncoderGraph(source: WeightSource, target: GraphTarget = "cpu"): GraphBuilder {
  const { prefix, blocksPerLevel } = detectVae(source, "encoder");
  const graph = createGraph("vae_encoder");
  const image = graph.input("image", "float32", ["batch", IMAGE_CHANNELS, "image_height", "image_width"]);
  const weights = createWeights({ graph, source, prefix, as: "an SD3 VAE", target });

  let x: Maps = convolve(weights.in("conv_in"), {
    value: toCompute(weights, image),
    channels: IMAGE_CHANNELS,
  });
  for (const [level, blocks] of blocksPerLevel.entries()) {
    const down = weights.in("down").in(level);
    for (let block = 0; block < blocks; block++) x = residualBlock(down.in("block").in(block), x);
    if (level < blocksPerLevel.length - 1) x = downsample(down.in("downsample"), x);
  }
  const moments = project(weights, middle(weights.in("mid"), x));
  graph.output("moments", toFloat32(weights, moments.value), {
    dtype: "float32",
    dims: ["batch", 2 * VAE_LATENT_CHANNELS, "height", "width"],
  });
  return graph;
}
