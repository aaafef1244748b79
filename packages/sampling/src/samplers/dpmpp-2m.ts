import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

const { fround } = Math;

/**
 * `dpmpp_2m`: DPM-Solver++ of second order, multistep. It works in `t = -ln sigma`, for flow models too, and
 * remembers the estimate before; the first step and the one to sigma 0 are of first order.
 *
 * Source: Lu et al. 2022, "DPM-Solver++" (arXiv 2211.01095), algorithm 2; crowsonkb/k-diffusion `sampling.py`,
 * `sample_dpmpp_2m`.
 */
export const dpmpp2m: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, { sigmas }: SamplerContext, denoised: Float32Array): MethodState {
  const time = timeOf(sigmas[state.step]!);
  const timeNext = timeOf(sigmas[state.step + 1]!);
  const interval = fround(timeNext - time);
  const kept = fround(sigmaOf(timeNext) / sigmaOf(time));
  const gained = fround(Math.expm1(-interval)); // interval is infinite for sigma 0, and this is -1
  const { previous } = state.memory;
  const estimate =
    previous === undefined || sigmas[state.step + 1] === 0
      ? denoised
      : extrapolate(denoised, previous, fround(fround(time - timeOf(sigmas[state.step - 1]!)) / interval));
  const latent = state.latent.map((value, index) => fround(kept * value) - fround(gained * estimate[index]!));
  return completeStep(state, latent, { memory: { previous: denoised } });
}

/** The estimate in the middle of the step, from this one and the one before; `ratio` is last interval to this. */
function extrapolate(denoised: Float32Array, previous: Float32Array, ratio: number): Float32Array {
  const weight = fround(1 / fround(2 * ratio));
  const weightNow = fround(1 + weight);
  return denoised.map((value, index) => fround(weightNow * value) - fround(weight * previous[index]!));
}

function timeOf(sigma: number): number {
  return -fround(Math.log(sigma));
}

function sigmaOf(time: number): number {
  return fround(Math.exp(-time));
}
