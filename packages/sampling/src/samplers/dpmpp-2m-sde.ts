import { combine } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { distanceRatio, type SdeStep, sdeStep } from "./sde-step.js";

/** The weight of the estimate's change since the step before, for a ratio of distances of 1. */
type Correction = (step: SdeStep) => number;

/**
 * `dpmpp_2m_sde`: DPM-Solver++ for the diffusion SDE, of second order by the estimate before, in midpoint form; one
 * call per step. The step to sigma 0 gives the estimate.
 *
 * Source: Lu et al. 2022 (arXiv 2211.01095), "SDE-DPM-Solver++(2M)"; crowsonkb/k-diffusion `sampling.py`,
 * `sample_dpmpp_2m_sde`.
 */
export const dpmpp2mSde: SamplerMethod = createMethod(({ gained }) => gained / 2);

/** `dpmpp_2m_sde_heun`: the same in Heun's form. Source: the same, with `solver_type="heun"`. */
export const dpmpp2mSdeHeun: SamplerMethod = createMethod(
  ({ alpha, interval }) => alpha * (1 + Math.expm1(-interval) / interval),
);

function createMethod(correction: Correction): SamplerMethod {
  return {
    offsetsFirstSigma: true,
    request: requestCurrent,
    advance: (state, context, denoised) => advance(state, context, { denoised, correction }),
  };
}

function advance(
  state: MethodState,
  { sigmas, brownianNoise }: SamplerContext,
  { denoised, correction }: { denoised: Float32Array; correction: Correction },
): MethodState {
  const sigma = sigmas[state.step]!;
  const sigmaNext = sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const step = sdeStep(sigma, sigmaNext);
  const { previous = denoised } = state.memory;
  const weight = state.step === 0 ? 0 : correction(step) / distanceRatio(sigmas, state.step, 1);
  const latent = combine(
    [step.kept, state.latent],
    [step.gained + weight, denoised],
    [-weight, previous],
    [step.noise, brownianNoise(sigma, sigmaNext)],
  );
  return completeStep(state, latent, { memory: { previous: denoised } });
}
