import { halfLogSnr } from "../log-snr.js";

/** The weights of a first-order step of the diffusion SDE, from which those of higher order start. */
export interface SdeStep {
  /** The step in the logarithm of the signal-to-noise ratio, times two, as half of the way is noise. */
  readonly interval: number;
  /** Weight of the latent. */
  readonly kept: number;
  /** Weight of the estimate. */
  readonly gained: number;
  /** Weight of noise of unit variance. */
  readonly noise: number;
  /** The picture's share at the next sigma, which scales further terms. */
  readonly alpha: number;
}

/**
 * The exact solution of a flow model's diffusion SDE (eta 1) over a step in which the estimate stays the same.
 *
 * Source: Lu et al. 2022 (arXiv 2211.01095), equation 13, with alpha = 1 - sigma.
 */
export function sdeStep(sigma: number, sigmaNext: number): SdeStep {
  const distance = halfLogSnr(sigmaNext) - halfLogSnr(sigma);
  const alpha = 1 - sigmaNext;
  return {
    interval: 2 * distance,
    kept: (sigmaNext / sigma) * Math.exp(-distance),
    gained: -alpha * Math.expm1(-2 * distance),
    noise: sigmaNext * Math.sqrt(-Math.expm1(-2 * distance)),
    alpha,
  };
}

/** A step's distance in the logarithm of the signal-to-noise ratio, over that of the step that ends where it begins. */
export function distanceRatio(sigmas: Float32Array, step: number, stepsBack: number): number {
  const distance = (index: number): number => halfLogSnr(sigmas[index + 1]!) - halfLogSnr(sigmas[index]!);
  return distance(step - stepsBack) / distance(step);
}
