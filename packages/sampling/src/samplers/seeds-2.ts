import { combine } from "../linear-combination.js";
import { middleSigma } from "../log-snr.js";
import {
  completeStep,
  continueStep,
  type MethodState,
  requestProbe,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { sdeStep } from "./sde-step.js";

/**
 * `seeds_2`: an exponential solver of the diffusion SDE with an estimate in the middle of the step, whose noise is part
 * of the whole step's noise; two calls per step. The step to sigma 0 gives the estimate.
 *
 * Source: Gonzalez et al. 2023, "SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from Diffusion Models"
 * (arXiv 2305.14267), SEEDS-2; ComfyUI `comfy/k_diffusion/sampling.py`, `sample_seeds_2`, with r = 1/2 and eta 1.
 */
export const seeds2: SamplerMethod = {
  offsetsFirstSigma: true,
  callsPerStep: 2,
  request: requestProbe(middleSigma),
  advance,
};

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const { noise: firstNoise } = state.memory;
  if (firstNoise === undefined) {
    const half = sdeStep(sigma, middleSigma(sigma, sigmaNext));
    const noise = context.drawNoise(state.noiseDrawn);
    const probe = combine([half.kept, state.latent], [half.gained, denoised], [half.noise, noise]);
    return continueStep(state, { probe, noise });
  }
  const whole = sdeStep(sigma, sigmaNext);
  const decay = Math.exp(-whole.interval / 2); // of the first half's noise, over the second half
  const share = sigmaNext * Math.sqrt(-Math.expm1(-whole.interval / 2));
  const latent = combine(
    [whole.kept, state.latent],
    [whole.gained, denoised],
    [share * Math.sqrt(decay), firstNoise],
    [share, context.drawNoise(state.noiseDrawn + 1)],
  );
  return completeStep(state, latent, { drawn: 2 });
}
