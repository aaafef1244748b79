import { createGraph, type GraphBuilder } from "@latentfarm/onnx";
import { type ComponentGraph, finishComponent } from "../component-graph.js";
import { toCompute, toFloat32 } from "../weights/convert.js";
import type { GraphTarget } from "../weights/graph-target.js";
import type { WeightSource } from "../weights/weight-source.js";
import { createWeights } from "../weights/weights.js";
import { detectVae, VAE_LATENT_CHANNELS } from "./config.js";
import { convolve, type Maps, middle, project, residualBlock, upsample } from "./layers.js";

/**
 * Builds the VAE decoder: latent `float32 [batch, 16, height, width]`, after the SD3 latent format's process_out, ->
 * image `float32 [batch, 3, 8 * height, 8 * width]`, about -1 to 1, not clamped.
 * Source: Stability-AI/sd3.5 `sd3_impls.py`, `VAEDecoder`.
 * @throws {FarmError} model_invalid when the file holds no SD3 VAE decoder or lacks a part of it
 */
export function buildVaeDecoder(source: WeightSource, target: GraphTarget = "cpu"): ComponentGraph {
  return finishComponent("vae_decoder", vaeDecoderGraph(source, target), source);
}

/**
 * The graph of {@link buildVaeDecoder} before it is serialised.
 * @throws {FarmError} model_invalid as {@link buildVaeDecoder}
 */
export function vaeDecoderGraph(source: WeightSource, target: GraphTarget = "cpu"): GraphBuilder {
  const { prefix, blocksPerLevel } = detectVae(source, "decoder");
  const graph = createGraph("vae_decoder");
  const latent = graph.input("latent", "float32", ["batch", VAE_LATENT_CHANNELS, "height", "width"]);
  const weights = createWeights({ graph, source, prefix, as: "an SD3 VAE", target });

  let x: Maps = convolve(weights.in("conv_in"), {
    value: toCompute(weights, latent),
    channels: VAE_LATENT_CHANNELS,
  });
  x = middle(weights.in("mid"), x);
  for (const [level, blocks] of [...blocksPerLevel.entries()].reverse()) {
    const up = weights.in("up").in(level);
    for (let block = 0; block < blocks; block++) x = residualBlock(up.in("block").in(block), x);
    if (level > 0) x = upsample(up.in("upsample"), x);
  }
  const image = project(weights, x);
  graph.output("image", toFloat32(weights, image.value), {
    dtype: "float32",
    dims: ["batch", image.channels, "image_height", "image_width"],
  });
  return graph;
}
