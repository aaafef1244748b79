import { combine, slopeOf, type Term } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { recallSlopes, rememberSlopes } from "./slope-history.js";

/** Adams-Bashforth weights of the newest slope and those before it, by how many are known. */
const WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * `ipndm`: up to four slopes with the Adams-Bashforth weights of even steps, whatever the steps are; one call per
 * step. The step to sigma 0 gives the estimate.
 *
 * Source: Zhang and Chen 2022 (arXiv 2204.13902), appendix H.3, after Liu et al. 2022 (arXiv 2202.09778); ComfyUI
 * `comfy/k_diffusion/sampling.py`, `sample_ipndm`.
 */
export const ipndm: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = context.sigmas[state.step]!;
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const slopes = [slopeOf(state.latent, denoised, sigma), ...recallSlopes(state.memory)];
  const weights = WEIGHTS[slopes.length - 1]!;
  const terms = slopes.map((slope, index): Term => [(sigmaNext - sigma) * weights[index]!, slope]);
  return completeStep(state, combine([1, state.latent], ...terms), { memory: rememberSlopes(slopes, 3) });
}
