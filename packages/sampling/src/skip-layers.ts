import { shiftTime } from "./flow.js";

const { fround } = Math;

/** The sigmas between which skip-layer guidance is at work, both ends included. */
export interface SigmaRange {
  readonly high: number;
  readonly low: number;
}

/**
 * The sigmas of a part of the way from noise to picture, both ends as fractions of it: 0 is sigma 1, 1 is sigma 0.
 * Source: ComfyUI `comfy/model_sampling.py`, `ModelSamplingDiscreteFlow.percent_to_sigma`, for behaviour.
 */
export function sigmaRange(shift: number, start: number, end: number): SigmaRange {
  const sigmaOf = (fraction: number) =>
    fraction <= 0 ? 1 : fraction >= 1 ? 0 : shiftTime(shift, 1 - fraction);
  return { high: sigmaOf(start), low: sigmaOf(end) };
}

/**
 * Skip-layer guidance on denoised estimates, in float32: `guided + scale * (cond - skipped)`, where `skipped` is the
 * conditional estimate of the network without some of its blocks.
 * Source: ComfyUI `comfy_extras/nodes_sd3.py`, `SkipLayerGuidanceSD3`, for behaviour.
 */
export function leadFromSkipped(
  guided: Float32Array,
  estimates: { readonly cond: Float32Array; readonly skipped: Float32Array },
  scale: number,
): Float32Array {
  const { cond, skipped } = estimates;
  return guided.map((value, index) => value + fround(fround(cond[index]! - skipped[index]!) * scale));
}
