import { combine, type Term } from "../linear-combination.js";
import { halfLogSnr } from "../log-snr.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/** Points of the sum that stands for the integrals below; part of the recorded results. Source: as below. */
const INTEGRATION_POINTS = 200;

/** Of the paper's noise scale. */
const SCALE_EXPONENT = 0.3;
const SCALE_OFFSET = 10;

/**
 * `er_sde`: the extended reverse-time SDE in `lambda = sigma / (1 - sigma)`, of third order by the two estimates
 * before; one call per step. The step to sigma 0 gives the estimate.
 *
 * Source: Cui et al. 2023, "Elucidating the Solution Space of Extended Reverse-Time SDE for Diffusion Models"
 * (arXiv 2309.06169), algorithm 3 and its noise scale 5; ComfyUI `comfy/k_diffusion/sampling.py`, `sample_er_sde`.
 */
export const erSde: SamplerMethod = { offsetsFirstSigma: true, request: requestCurrent, advance };

/** The paper's phi: how much of the noise is renewed at a noise level. */
function noiseScale(lambda: number): number {
  return lambda * (Math.exp(lambda ** SCALE_EXPONENT) + SCALE_OFFSET);
}

function lambdaOf(sigma: number): number {
  return Math.exp(-halfLogSnr(sigma));
}

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const { step } = state;
  const { sigmas } = context;
  const sigma = sigmas[step]!;
  const sigmaNext = sigmas[step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const [from, to] = [lambdaOf(sigma), lambdaOf(sigmaNext)];
  const alpha = 1 - sigmaNext;
  const ratio = noiseScale(to) / noiseScale(from);
  const derivatives = differentiate(state, sigmas, denoised);
  const weights = weighDerivatives(from, to);
  const latent = combine(
    [(alpha / (1 - sigma)) * ratio, state.latent],
    [alpha * (1 - ratio), denoised],
    ...derivatives.map((values, index): Term => [alpha * weights[index]!, values]),
    [alpha * Math.sqrt(Math.max(to ** 2 - (from * ratio) ** 2, 0)), context.drawNoise(state.noiseDrawn)],
  );
  const [slope] = derivatives;
  const memory = slope === undefined ? { previous: denoised } : { previous: denoised, slope };
  return completeStep(state, latent, { memory, drawn: 1 });
}

/** The estimate's first and second derivative by lambda, as far as enough estimates are known. */
function differentiate(
  { step, memory: { previous, slope: slopeBefore } }: MethodState,
  sigmas: Float32Array,
  denoised: Float32Array,
): readonly Float32Array[] {
  if (previous === undefined) return [];
  const from = lambdaOf(sigmas[step]!);
  const slope = divideDifference(denoised, previous, from - lambdaOf(sigmas[step - 1]!));
  if (slopeBefore === undefined) return [slope];
  return [slope, divideDifference(slope, slopeBefore, (from - lambdaOf(sigmas[step - 2]!)) / 2)];
}

function divideDifference(later: Float32Array, earlier: Float32Array, distance: number): Float32Array {
  return combine([1 / distance, later], [-1 / distance, earlier]);
}

/** What the two derivatives weigh: Taylor's terms, and the integrals of the noise scale's inverse as sums. */
function weighDerivatives(from: number, to: number): readonly [number, number] {
  const spacing = (from - to) / INTEGRATION_POINTS;
  let first = 0;
  let second = 0;
  for (let point = 0; point < INTEGRATION_POINTS; point += 1) {
    const lambda = to + point * spacing;
    first += spacing / noiseScale(lambda);
    second += (spacing * (lambda - from)) / noiseScale(lambda);
  }
  return [to - from + first * noiseScale(to), (to - from) ** 2 / 2 + second * noiseScale(to)];
}
