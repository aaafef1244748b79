const { fround } = Math;

/** The share of the way from noise to picture that a first sigma of 1 is moved by. Source: ComfyUI, as below. */
const OFFSET = 1e-4;

/**
 * Half the logarithm of a flow model's signal-to-noise ratio, `ln((1 - sigma) / sigma)`, in float32: the time in which
 * the SDE samplers work. Infinite for sigma 0 and 1.
 *
 * Source: Lu et al. 2022 (arXiv 2211.01095), lambda = ln(alpha / sigma), with a flow's alpha = 1 - sigma; ComfyUI
 * `comfy/k_diffusion/sampling.py`, `sigma_to_half_log_snr`.
 */
export function halfLogSnr(sigma: number): number {
  return -fround(Math.log(fround(sigma / fround(1 - sigma))));
}

/** The sigma of a {@link halfLogSnr}, in float32. */
function sigmaOfHalfLogSnr(lambda: number): number {
  return fround(1 / fround(1 + fround(Math.exp(lambda))));
}

/** The sigma in the middle of two in {@link halfLogSnr}, rounded step by step as PyTorch's `lerp` does. */
export function middleSigma(sigma: number, sigmaNext: number): number {
  const end = halfLogSnr(sigmaNext);
  return sigmaOfHalfLogSnr(fround(end - fround(fround(end - halfLogSnr(sigma)) / 2)));
}

/**
 * The sigmas with a first one of 1 replaced by one a ten-thousandth of the way further, whose signal-to-noise ratio is
 * finite: 0.99996666 for shift 3.
 *
 * Source: ComfyUI `comfy/k_diffusion/sampling.py`, `offset_first_sigma_for_snr`.
 */
export function offsetFirstSigma(sigmas: Float32Array, shift: number): Float32Array {
  const offset = sigmas.slice();
  const time = 1 - OFFSET;
  if (sigmas.length > 1 && sigmas[0]! >= 1) offset[0] = (shift * time) / (1 + (shift - 1) * time);
  return offset;
}
