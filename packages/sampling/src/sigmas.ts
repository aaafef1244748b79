import { SAMPLER_METHODS, type SamplerName } from "./samplers/registry.js";
import { SCHEDULES, type SchedulerName } from "./schedules/registry.js";

/** Most steps of a schedule: ComfyUI's own bound on its KSampler node. */
export const STEPS_MAX = 10_000;

/** Largest shift: ComfyUI's own bound on its ModelSamplingSD3 node. */
export const SHIFT_MAX = 100;

/** What {@link sigmas} computes a frame's noise levels from. */
export interface SigmaOptions {
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly shift: number;
  /** A few samplers ask for one level more and drop the last but one; without a name, none does. */
  readonly sampler?: SamplerName;
}

/**
 * The noise levels of a frame, `steps + 1` of them from high to low, ending in 0; in float32, within an ulp of
 * ComfyUI's.
 * @throws {RangeError} for steps outside 1 to 10,000 or a shift outside 0 (excluded) to 100
 */
export function sigmas({ scheduler, steps, shift, sampler }: SigmaOptions): Float32Array {
  if (!Number.isInteger(steps) || steps < 1 || steps > STEPS_MAX) {
    throw new RangeError(
      `Cannot compute sigmas as a schedule: steps is ${steps}, expected 1 to ${STEPS_MAX}`,
    );
  }
  if (!(shift > 0 && shift <= SHIFT_MAX)) {
    throw new RangeError(
      `Cannot compute sigmas as a schedule: shift is ${shift}, expected above 0 to ${SHIFT_MAX}`,
    );
  }
  const schedule = SCHEDULES[scheduler];
  if (sampler === undefined || !SAMPLER_METHODS[sampler].discardsPenultimateSigma)
    return schedule({ steps, shift });
  return dropPenultimate(schedule({ steps: steps + 1, shift }));
}

/** Source: ComfyUI `comfy/samplers.py`, `DISCARD_PENULTIMATE_SIGMA_SAMPLERS`. */
export function dropPenultimate(values: Float32Array): Float32Array {
  return values.filter((_, index) => index !== values.length - 2);
}
