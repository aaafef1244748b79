const { fround } = Math;

/** Channels of an SD3 latent. */
export const LATENT_CHANNELS = 16;

/** Pixels of the picture per latent value, along each side. */
export const LATENT_SCALE = 8;

/** Source: Stability-AI/sd3.5 `sd3_impls.py`, `SD3LatentFormat`; ComfyUI `comfy/latent_formats.py`, `SD3`. */
const SCALE_FACTOR = fround(1.5305);
const SHIFT_FACTOR = fround(0.0609);

/** From the denoiser's latent to the VAE's: `z / 1.5305 + 0.0609`. */
export function latentToVae(latent: Float32Array): Float32Array {
  return latent.map((value) => fround(value / SCALE_FACTOR) + SHIFT_FACTOR);
}

/**
 * From the VAE's latent to the denoiser's: `(z - 0.0609) * 1.5305`. An empty latent, all zeros, is passed to a sampler
 * by leaving it out, never through here: ComfyUI does not shift it.
 */
export function vaeToLatent(latent: Float32Array): Float32Array {
  return latent.map((value) => fround(value - SHIFT_FACTOR) * SCALE_FACTOR);
}
