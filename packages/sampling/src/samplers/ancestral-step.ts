/** How an ancestral step of a flow model parts into a deterministic way down and fresh noise. */
export interface AncestralStep {
  /** The sigma to go down to before noise is added. */
  readonly sigmaDown: number;
  /** What the latent is multiplied by after that, so that the picture keeps its share. */
  readonly scale: number;
  /** What the fresh noise is multiplied by. */
  readonly noise: number;
}

/**
 * The ancestral step from one sigma to the next, all the noise renewed (eta 1): down to `next^2 / sigma`, then scaled
 * and made noisy again so that picture and noise have the shares of the next sigma.
 *
 * Source: ComfyUI `comfy/k_diffusion/sampling.py`, `sample_euler_ancestral_RF`; the flow form of the posterior variance
 * of Ho et al. 2020 (arXiv 2006.11239), equation 7.
 */
export function ancestralStep(sigma: number, sigmaNext: number): AncestralStep {
  const sigmaDown = sigmaNext ** 2 / sigma;
  const scale = (1 - sigmaNext) / (1 - sigmaDown);
  return { sigmaDown, scale, noise: Math.sqrt(Math.max(sigmaNext ** 2 - (sigmaDown * scale) ** 2, 0)) };
}
