import { combine } from "../linear-combination.js";
import { advanceEuler } from "./euler.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `res_multistep`: an exponential integrator in `t = -ln sigma` with the estimate before, whose weights meet the
 * order conditions exactly; second order, one call per step. The first step and the one to sigma 0 are `euler`'s.
 *
 * Source: Zhang et al. 2023, "Improved Order Analysis and Design of Exponential Integrator for Diffusion Models
 * Sampling" (arXiv 2308.02157), the refined exponential solver, multistep; ComfyUI `comfy/k_diffusion/sampling.py`,
 * `sample_res_multistep`.
 */
export const resMultistep: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const { sigmas } = context;
  const sigma = sigmas[state.step]!;
  const sigmaNext = sigmas[state.step + 1]!;
  const { previous } = state.memory;
  const memory = { previous: denoised };
  if (sigmaNext === 0 || previous === undefined) {
    return { ...advanceEuler(state, context, denoised), memory };
  }
  const interval = Math.log(sigma / sigmaNext);
  const place = Math.log(sigma / sigmas[state.step - 1]!) / interval; // of the estimate before, in intervals
  const phi1 = Math.expm1(-interval) / -interval;
  const phi2 = (phi1 - 1) / -interval;
  const latent = combine(
    [sigmaNext / sigma, state.latent],
    [interval * (phi1 - phi2 / place), denoised],
    [(interval * phi2) / place, previous],
  );
  return completeStep(state, latent, { memory });
}
