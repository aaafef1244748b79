import { combine, slopeOf, type Term } from "../linear-combination.js";
import { advanceEuler } from "./euler.js";
import {
  completeStep,
  continueStep,
  type MethodState,
  type NetworkRequest,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/** Slopes that a step mixes: its own, and those one and two steps ahead. */
const SLOPES_MAX = 3;

/**
 * `heunpp2`: looks up to two steps ahead along straight lines and mixes the slopes met there, each later one weighted
 * by its sigma over the schedule's first. Three calls per step, two in the last but one, one in the last. It is of
 * first order, as the weights do not centre the step.
 *
 * Source: Carzit/sd-webui-samplers-scheduler, "Heun++"; ComfyUI `comfy/k_diffusion/sampling.py`, `sample_heunpp2`.
 */
export const heunpp2: SamplerMethod = { callsPerStep: SLOPES_MAX, request, advance };

/** The slopes known so far in this step, the earliest first. */
function knownSlopes({ memory }: MethodState): readonly Float32Array[] {
  return [memory.slope0, memory.slope1].filter((slope) => slope !== undefined);
}

function request(state: MethodState, context: SamplerContext): NetworkRequest {
  const { probe } = state.memory;
  if (probe === undefined) return requestCurrent(state, context);
  return { latent: probe, sigma: context.sigmas[state.step + knownSlopes(state).length]! };
}

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const { step, latent, memory } = state;
  const { sigmas } = context;
  const slopeCount = Math.min(sigmas.length - 1 - step, SLOPES_MAX);
  if (slopeCount === 1) return advanceEuler(state, context, denoised);
  const known = knownSlopes(state);
  const here = step + known.length;
  const point = memory.probe ?? latent;
  const slope = slopeOf(point, denoised, sigmas[here]!);
  if (known.length + 1 < slopeCount) {
    const probe = combine([1, point], [sigmas[here + 1]! - sigmas[here]!, slope]);
    return continueStep(state, { probe, [`slope${known.length}`]: slope });
  }
  return completeStep(state, combine([1, latent], ...weighSlopes([...known, slope], state, context)));
}

/** Each slope's share of the step. */
function weighSlopes(
  slopes: readonly Float32Array[],
  { step }: MethodState,
  context: SamplerContext,
): Term[] {
  const { sigmas } = context;
  const distance = sigmas[step + 1]! - sigmas[step]!;
  const weights = slopes.map((_, ahead) => sigmas[step + ahead]! / (slopes.length * sigmas[0]!));
  weights[0] = 1 - weights.slice(1).reduce((sum, weight) => sum + weight, 0);
  return slopes.map((slope, ahead) => [distance * weights[ahead]!, slope]);
}
