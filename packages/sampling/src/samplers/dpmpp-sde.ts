import { combine } from "../linear-combination.js";
import { halfLogSnr, middleSigma } from "../log-snr.js";
import {
  completeStep,
  continueStep,
  type MethodState,
  requestProbe,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `dpmpp_sde`: DPM-Solver++ for the diffusion SDE, of second order by an estimate in the middle of the step, each half
 * an ancestral step of its own; two calls per step. The step to sigma 0 gives the estimate.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `sample_dpmpp_sde`, with r = 1/2, after Lu et al. 2022
 * (arXiv 2211.01095), algorithm 1.
 */
export const dpmppSde: SamplerMethod = {
  offsetsFirstSigma: true,
  callsPerStep: 2,
  request: requestProbe(middleSigma),
  advance,
};

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const target = state.memory.probe === undefined ? middleSigma(sigma, sigmaNext) : sigmaNext;
  const { kept, gained, noise } = ancestralWeights(sigma, target);
  const moved = combine(
    [kept, state.latent],
    [gained, denoised],
    [noise, context.brownianNoise(sigma, target)],
  );
  return target === sigmaNext ? completeStep(state, moved) : continueStep(state, { probe: moved });
}

/** The weights of latent, estimate and noise in an ancestral step, in terms of noise over picture, `s / (1 - s)`. */
function ancestralWeights(sigma: number, sigmaNext: number): { kept: number; gained: number; noise: number } {
  const alpha = 1 - sigmaNext;
  const from = Math.exp(-halfLogSnr(sigma));
  const to = Math.exp(-halfLogSnr(sigmaNext));
  const up = Math.min(to, Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2));
  const ratio = Math.sqrt(to ** 2 - up ** 2) / from;
  return { kept: (alpha / (1 - sigma)) * ratio, gained: alpha * (1 - ratio), noise: alpha * up };
}
