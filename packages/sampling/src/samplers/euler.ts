import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

const { fround } = Math;

/**
 * `euler`: one straight step along `(x - denoised) / sigma`.
 *
 * Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 2; crowsonkb/k-diffusion `sampling.py`, `sample_euler`.
 */
export const euler: SamplerMethod = { request: requestCurrent, advance: advanceEuler };

/** The step of `euler`, which methods of higher order take where they have nothing better. */
export function advanceEuler(
  state: MethodState,
  { sigmas }: SamplerContext,
  denoised: Float32Array,
): MethodState {
  const sigma = sigmas[state.step]!;
  const distance = fround(sigmas[state.step + 1]! - sigma);
  const latent = state.latent.map((value, index) => {
    const slope = fround(fround(value - denoised[index]!) / sigma);
    return value + fround(slope * distance);
  });
  return completeStep(state, latent);
}
