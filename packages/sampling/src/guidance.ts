const { fround } = Math;

/** ComfyUI's tolerance, relative, for "the scale is 1". Source: `comfy/samplers.py`, `math.isclose`'s default. */
const UNGUIDED_TOLERANCE = 1e-9;

/** True when guidance at this scale asks for the unconditional row; at 1 it would cancel out. */
export function needsUnconditional(scale: number): boolean {
  return Math.abs(scale - 1) > UNGUIDED_TOLERANCE * Math.max(Math.abs(scale), 1);
}

/**
 * Classifier-free guidance on denoised estimates, in float32: `uncond + (cond - uncond) * scale`. Being linear, it
 * gives the same for velocities.
 *
 * Source: Ho and Salimans 2022 (arXiv 2207.12598); ComfyUI `comfy/samplers.py`, `cfg_function`.
 */
export function guide(cond: Float32Array, uncond: Float32Array, scale: number): Float32Array {
  return uncond.map((value, index) => value + fround(fround(cond[index]! - value) * scale));
}
