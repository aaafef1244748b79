import { requestCurrent, type SamplerContext, type SamplerMethod, type SamplerState } from "./method.js";

const { fround } = Math;

/**
 * `euler`: one straight step along `(x - denoised) / sigma`.
 *
 * Source: Karras et al. 2022 (arXiv 2206.00364), algorithm 2; crowsonkb/k-diffusion `sampling.py`, `sample_euler`.
 */
export const euler: SamplerMethod = { discardsPenultimateSigma: false, request: requestCurrent, advance };

function advance(state: SamplerState, { sigmas }: SamplerContext, denoised: Float32Array): SamplerState {
  const sigma = sigmas[state.step]!;
  const distance = fround(sigmas[state.step + 1]! - sigma);
  const latent = state.latent.map((value, index) => {
    const slope = fround(fround(value - denoised[index]!) / sigma);
    return value + fround(slope * distance);
  });
  return { step: state.step + 1, latent, history: [] };
}
