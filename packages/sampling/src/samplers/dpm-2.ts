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
 * `dpm_2`: the slope at the geometric middle of the step, for the whole step; second order, two calls per step. The
 * step to sigma 0 is `euler`'s. It is given one sigma more than steps and drops the last but one.
 *
 * Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 2, after Lu et al. 2022 (arXiv 2206.00927), DPM-Solver-2;
 * crowsonkb/k-diffusion `sampling.py`, `sample_dpm_2`.
 */
export const dpm2: SamplerMethod = {
  discardsPenultimateSigma: true,
  callsPerStep: 2,
  request: requestProbe(middleSigma),
  advance,
};

/** In logarithms, as the sigma between two is then rounded as ComfyUI's. */
function middleSigma(sigma: number, sigmaNext: number): number {
  return Math.fround(Math.exp((Math.log(sigma) + Math.log(sigmaNext)) / 2));
}

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return advanceEuler(state, context, denoised);
  const { probe } = state.memory;
  const middle = middleSigma(sigma, sigmaNext);
  if (probe === undefined) {
    const slope = slopeOf(state.latent, denoised, sigma);
    return continueStep(state, { probe: combine([1, state.latent], [middle - sigma, slope]) });
  }
  const slope = slopeOf(probe, denoised, middle);
  return completeStep(state, combine([1, state.latent], [sigmaNext - sigma, slope]));
}
