import { combine, slopeOf, type Term } from "../linear-combination.js";
import { advanceEuler } from "./euler.js";
import { lagrangeWeights } from "./lagrange.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { recallSlopes, rememberSlopes } from "./slope-history.js";

/** Points of the sum that stands for the integral over a step; part of the recorded results. Source: as below. */
const INTEGRATION_POINTS = 10_000;

/** The ends of the time axis on which polynomials are drawn: sigma 0.002 at time 0.001, sigma 80 at time 1. */
const SIGMA_MIN = 0.002;
const SIGMA_MAX = 80;
const TIME_MIN = 1e-3;

/** The variance-preserving process with those ends: `ln(1 + sigma^2) = BETA_SLOPE t^2 / 2 + BETA_START t`. */
const LOG_MAX = Math.log(SIGMA_MAX ** 2 + 1);
const BETA_SLOPE = (2 * (Math.log(SIGMA_MIN ** 2 + 1) / TIME_MIN - LOG_MAX)) / (TIME_MIN - 1);
const BETA_START = LOG_MAX - BETA_SLOPE / 2;

/**
 * `deis`: the polynomial through up to three slopes, drawn over the time of a variance-preserving process instead of
 * sigma, integrated over the step; one call per step. The first step and the one to sigma 0 are `euler`'s.
 *
 * Source: Zhang and Chen 2022, "Fast Sampling of Diffusion Models with Exponential Integrator" (arXiv 2204.13902),
 * tAB-DEIS; zju-pi/diff-sampler `solver_utils.py`, `get_deis_coeff_list`, whose sum over 10,000 points, both ends
 * included at full weight, is kept as its error of some 1e-4 is in ComfyUI's pictures too.
 */
export const deis: SamplerMethod = { request: requestCurrent, advance };

function timeOfSigma(sigma: number): number {
  return (Math.sqrt(BETA_START ** 2 + 2 * BETA_SLOPE * Math.log(sigma ** 2 + 1)) - BETA_START) / BETA_SLOPE;
}

/** The derivative of sigma by that time. */
function sigmaSlope(time: number): number {
  const growth = Math.exp((BETA_SLOPE * time ** 2) / 2 + BETA_START * time); // 1 + sigma^2
  return (growth * (BETA_SLOPE * time + BETA_START)) / (2 * Math.sqrt(growth - 1));
}

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const { sigmas } = context;
  const sigma = sigmas[state.step]!;
  const sigmaNext = sigmas[state.step + 1]!;
  const slopes = [slopeOf(state.latent, denoised, sigma), ...recallSlopes(state.memory)];
  const memory = rememberSlopes(slopes, 2);
  if (sigmaNext === 0 || slopes.length === 1) return { ...advanceEuler(state, context, denoised), memory };
  const times = slopes.map((_, index) => timeOfSigma(sigmas[state.step - index]!));
  const weights = integrateWeights(times, timeOfSigma(sigmaNext));
  const terms = slopes.map((slope, index): Term => [weights[index]!, slope]);
  return completeStep(state, combine([1, state.latent], ...terms), { memory });
}

/** What each slope weighs in the step from the first of the times to `end`. */
function integrateWeights(times: readonly number[], end: number): Float64Array {
  const start = times[0]!;
  const weights = new Float64Array(times.length);
  for (let point = 0; point < INTEGRATION_POINTS; point += 1) {
    const time = start + ((end - start) * point) / (INTEGRATION_POINTS - 1);
    const speed = (sigmaSlope(time) * (end - start)) / INTEGRATION_POINTS;
    for (const [index, weight] of lagrangeWeights(times, time).entries())
      weights[index] = weights[index]! + speed * weight;
  }
  return weights;
}
