/** Levels in the sigma table of a flow model. Source: ComfyUI `comfy/model_sampling.py`, `ModelSamplingDiscreteFlow`. */
export const SIGMA_LEVELS = 1000;

/** What the network's `timestep` input is for a sigma: sigma times this, one value per row. */
export const TIMESTEP_SCALE = 1000;

/** SD3's shift: what a sampler assumes that is not told. Source: Stability-AI/sd3.5 `sd3_infer.py`, `SHIFT`. */
export const SHIFT_DEFAULT = 3;

const { fround } = Math;

/**
 * The sigma of a time in [0, 1], in float32: `shift * t / (1 + (shift - 1) * t)`. A larger shift spends more of the
 * steps at high noise, as large pictures need.
 *
 * Source: Esser et al. 2024, "Scaling Rectified Flow Transformers" (arXiv 2403.03206), section 5.3.2; ComfyUI
 * `comfy/model_sampling.py`, `time_snr_shift`.
 */
export function shiftTime(shift: number, time: number): number {
  if (shift === 1) return time;
  return fround(fround(shift * time) / fround(1 + fround(fround(shift - 1) * time)));
}

/** A flow model's sigmas as ComfyUI tabulates them: entry i is the sigma of time (i + 1) / 1000. */
export function sigmaTable(shift: number): Float32Array {
  return Float32Array.from({ length: SIGMA_LEVELS }, (_, index) =>
    sigmaOfTimestep(shift, fround(fround((index + 1) / SIGMA_LEVELS) * TIMESTEP_SCALE)),
  );
}

/** The sigma of a timestep in [0, 1000]. Not the inverse of sigma times {@link TIMESTEP_SCALE}, by ComfyUI's design. */
export function sigmaOfTimestep(shift: number, timestep: number): number {
  return shiftTime(shift, fround(timestep / TIMESTEP_SCALE));
}

/**
 * The denoised estimate of a flow model: `x - sigma * v`, in float32. All arrays ``float32 [16, height, width]``.
 * Source: ComfyUI `comfy/model_sampling.py`, `CONST.calculate_denoised`.
 */
export function denoise(latent: Float32Array, velocity: Float32Array, sigma: number): Float32Array {
  return latent.map((value, index) => value - fround(velocity[index]! * sigma));
}

/**
 * The latent to begin with: `sigma * noise + (1 - sigma) * latent`; without a latent, of zeros.
 * Source: ComfyUI `comfy/model_sampling.py`, `CONST.noise_scaling`.
 */
export function addNoise(noise: Float32Array, latent: Float32Array | undefined, sigma: number): Float32Array {
  const kept = fround(1 - sigma);
  return noise.map((value, index) => fround(sigma * value) + fround(kept * (latent?.[index] ?? 0)));
}

/**
 * The picture's latent at the end: `x / (1 - sigma)` for the last sigma, which is 0 for most schedules.
 * Source: ComfyUI `comfy/model_sampling.py`, `CONST.inverse_noise_scaling`.
 */
export function removeNoiseScale(latent: Float32Array, sigmaLast: number): Float32Array {
  const kept = fround(1 - sigmaLast);
  return latent.map((value) => value / kept);
}
