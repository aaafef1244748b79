import { combine, slopeOf } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/** How far past the slope before the new one is trusted; the paper's choice. */
const GAMMA = 2;

/**
 * `gradient_estimation`: `euler` with a slope that is moved on by its change since the step before. The step to sigma 0
 * gives the estimate.
 *
 * Source: Permenter and Yuan 2023, "Interpreting and Improving Diffusion Models from an Optimization Perspective"
 * (arXiv 2306.04848), algorithm 2; ComfyUI `comfy/k_diffusion/sampling.py`, `sample_gradient_estimation`.
 */
export const gradientEstimation: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const slope = slopeOf(state.latent, denoised, sigma);
  const previous = state.memory.slope ?? slope;
  const distance = sigmaNext - sigma;
  const latent = combine([1, state.latent], [distance * GAMMA, slope], [distance * (1 - GAMMA), previous]);
  return completeStep(state, latent, { memory: { slope } });
}
