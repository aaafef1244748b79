import { combine, type Term } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";
import { distanceRatio, type SdeStep, sdeStep } from "./sde-step.js";

/**
 * `dpmpp_3m_sde`: DPM-Solver++ for the diffusion SDE, of third order by the two estimates before; one call per step.
 * The step to sigma 0 gives the estimate.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `sample_dpmpp_3m_sde`, after Lu et al. 2022 (arXiv 2211.01095).
 */
export const dpmpp3mSde: SamplerMethod = { offsetsFirstSigma: true, request: requestCurrent, advance };

function advance(
  state: MethodState,
  { sigmas, brownianNoise }: SamplerContext,
  denoised: Float32Array,
): MethodState {
  const sigma = sigmas[state.step]!;
  const sigmaNext = sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const step = sdeStep(sigma, sigmaNext);
  const { previous, older } = state.memory;
  const estimates = [denoised, previous, older].filter((estimate) => estimate !== undefined);
  const corrections = weighEstimates(step, sigmas, { step: state.step, known: estimates.length });
  const latent = combine(
    [step.kept, state.latent],
    [step.gained, denoised],
    ...corrections.map((weight, index): Term => [weight, estimates[index]!]),
    [step.noise, brownianNoise(sigma, sigmaNext)],
  );
  const memory = previous === undefined ? { previous: denoised } : { previous: denoised, older: previous };
  return completeStep(state, latent, { memory });
}

/**
 * The weights of the newest estimate and those before it, in what the first and second derivative of the estimate add
 * to a step of first order. Two estimates give the first derivative alone, three give both.
 */
function weighEstimates(
  { alpha, interval }: SdeStep,
  sigmas: Float32Array,
  { step, known }: { step: number; known: number },
): readonly number[] {
  if (known === 1) return [];
  const phi2 = alpha * (1 + Math.expm1(-interval) / interval);
  const last = distanceRatio(sigmas, step, 1);
  if (known === 2) return [phi2 / last, -phi2 / last];
  const beforeLast = distanceRatio(sigmas, step, 2);
  const phi3 = phi2 / interval - alpha / 2;
  const both = last + beforeLast;
  // What the newest difference quotient and the one before it weigh.
  const newer = phi2 * (1 + last / both) - phi3 / both;
  const earlier = -(phi2 * last) / both + phi3 / both;
  return [newer / last, earlier / beforeLast - newer / last, -earlier / beforeLast];
}
