import { combine } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `ddpm`: draws from the posterior of the next sigma, given the latent and the estimate, as if noise were added to an
 * unscaled picture: mean `D + (x - D) q^2` and deviation `q sqrt(s^2 - s'^2)`, with q the next sigma s' over this one.
 *
 * Source: Ho et al. 2020 (arXiv 2006.11239), equations 6 and 7, with the latent multiplied by sqrt(1 + s^2); ComfyUI
 * `comfy/k_diffusion/sampling.py`, `sample_ddpm`.
 */
export const ddpm: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const ratio = sigmaNext / sigma;
  const latent = combine(
    [ratio ** 2, state.latent],
    [1 - ratio ** 2, denoised],
    [ratio * Math.sqrt(sigma ** 2 - sigmaNext ** 2), context.drawNoise(state.noiseDrawn)],
  );
  return completeStep(state, latent, { drawn: 1 });
}
