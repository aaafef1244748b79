import { combine } from "../linear-combination.js";
import { ancestralStep } from "./ancestral-step.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `euler_ancestral`: a straight step further down than the next sigma, and fresh noise back up to it. The step to
 * sigma 0 gives the estimate.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `sample_euler_ancestral`; its form for flow models, ComfyUI
 * `comfy/k_diffusion/sampling.py`, `sample_euler_ancestral_RF`.
 */
export const eulerAncestral: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const { sigmaDown, scale, noise } = ancestralStep(sigma, sigmaNext);
  const kept = sigmaDown / sigma;
  const latent = combine(
    [scale * kept, state.latent],
    [scale * (1 - kept), denoised],
    [noise, context.drawNoise(state.noiseDrawn)],
  );
  return completeStep(state, latent, { drawn: 1 });
}
