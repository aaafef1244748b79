import type { WeightSource } from "./weight-source.js";

/**
 * Keys that no graph reads although the file is right, each with the reason.
 *
 * Source: ComfyUI's checkpoints and Hugging Face's text encoders.
 */
const KNOWN_UNUSED: readonly RegExp[] = [
  /(^|\.)scaled_fp8$/, // marker of scaled FP8 files; read by readQuantization()
  /\.comfy_quant$/, // the same, per layer
  /\.(scale_input|input_scale)$/, // for FP8 activations, which this engine keeps in float
  /(^|\.)logit_scale$/, // temperature of CLIP's training loss
  /(^|\.)spiece_model$/, // T5's SentencePiece model; the tokenizer comes from tokenizer_3/
  /\.position_ids$/, // 0, 1, 2, … as stored by older Hugging Face releases
];

/** The keys of a file that no graph took and that are not known to be of no use. Call it after building all graphs. */
export function unusedTensors(source: WeightSource): string[] {
  return [...source.header.tensors.keys()].filter(
    (key) => !source.usedTensors.has(key) && !KNOWN_UNUSED.some((pattern) => pattern.test(key)),
  );
}
