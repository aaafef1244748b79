import { combine } from "../linear-combination.js";
import { middleSigma } from "../log-snr.js";
import { ancestralStep } from "./ancestral-step.js";
import { advanceEuler } from "./euler.js";
import {
  completeStep,
  continueStep,
  type MethodState,
  requestProbe,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/** The middle of a step from sigma 1, whose logarithm of the signal-to-noise ratio is infinite. Source: as below. */
const MIDDLE_FROM_ONE = Math.fround(0.9999);

/**
 * `dpmpp_2s_ancestral`: DPM-Solver++ of second order, single step, on the way down of an ancestral step; two calls per
 * step. The step to sigma 0 is `euler`'s.
 *
 * Source: Lu et al. 2022 (arXiv 2211.01095), algorithm 1; crowsonkb/k-diffusion `sampling.py`,
 * `sample_dpmpp_2s_ancestral`; its form for flow models, ComfyUI `comfy/k_diffusion/sampling.py`,
 * `sample_dpmpp_2s_ancestral_RF`.
 */
export const dpmpp2sAncestral: SamplerMethod = {
  callsPerStep: 2,
  request: requestProbe(probeSigma),
  advance,
};

/** The sigma to look from in the middle of the way down. */
function probeSigma(sigma: number, sigmaNext: number): number {
  if (sigma === 1) return MIDDLE_FROM_ONE;
  return middleSigma(sigma, ancestralStep(sigma, sigmaNext).sigmaDown);
}

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return advanceEuler(state, context, denoised);
  if (state.memory.probe === undefined) {
    const kept = probeSigma(sigma, sigmaNext) / sigma;
    return continueStep(state, { probe: combine([kept, state.latent], [1 - kept, denoised]) });
  }
  const { sigmaDown, scale, noise } = ancestralStep(sigma, sigmaNext);
  const kept = sigmaDown / sigma;
  const latent = combine(
    [scale * kept, state.latent],
    [scale * (1 - kept), denoised],
    [noise, context.drawNoise(state.noiseDrawn)],
  );
  return completeStep(state, latent, { drawn: 1 });
}
