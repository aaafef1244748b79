import { combine, slopeOf } from "../linear-combination.js";
import { advanceEuler } from "./euler.js";
import {
  completeStep,
  continueStep,
  type MethodState,
  requestProbe,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `heun`: a straight step, then the mean of the slopes at both of its ends; second order, two calls per step. The
 * step to sigma 0 is `euler`'s.
 *
 * Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 1; crowsonkb/k-diffusion `sampling.py`, `sample_heun`.
 */
export const heun: SamplerMethod = {
  callsPerStep: 2,
  request: requestProbe((_, sigmaNext) => sigmaNext),
  advance,
};

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return advanceEuler(state, context, denoised);
  const { probe, slope } = state.memory;
  const distance = sigmaNext - sigma;
  if (probe === undefined || slope === undefined) {
    const first = slopeOf(state.latent, denoised, sigma);
    return continueStep(state, { slope: first, probe: combine([1, state.latent], [distance, first]) });
  }
  const second = slopeOf(probe, denoised, sigmaNext);
  return completeStep(state, combine([1, state.latent], [distance / 2, slope], [distance / 2, second]));
}
