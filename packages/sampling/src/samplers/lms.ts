import { combine, slopeOf, type Term } from "../linear-combination.js";
import { lagrangeWeights } from "./lagrange.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { recallSlopes, rememberSlopes } from "./slope-history.js";

/** Gauss-Legendre's two places in [0, 1], each of weight a half: exact for the cubics of four slopes. */
const GAUSS_PLACES = [1 / 2 - Math.sqrt(1 / 12), 1 / 2 + Math.sqrt(1 / 12)] as const;

/**
 * `lms`: the polynomial through up to four slopes, at their true sigmas, integrated over the step; one call per step.
 * The step to sigma 0 gives the estimate.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `sample_lms`: Adams-Bashforth with uneven steps.
 */
export const lms: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, { sigmas }: SamplerContext, denoised: Float32Array): MethodState {
  const sigma = sigmas[state.step]!;
  const sigmaNext = sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const slopes = [slopeOf(state.latent, denoised, sigma), ...recallSlopes(state.memory)];
  const nodes = slopes.map((_, index) => sigmas[state.step - index]!);
  const distance = sigmaNext - sigma;
  const [early, late] = GAUSS_PLACES.map((place) => lagrangeWeights(nodes, sigma + place * distance));
  const terms = slopes.map((slope, index): Term => {
    return [(distance / 2) * (early![index]! + late![index]!), slope];
  });
  return completeStep(state, combine([1, state.latent], ...terms), { memory: rememberSlopes(slopes, 3) });
}
