import { SAMPLER_METHODS, type SamplerName } from "./samplers/registry.js";
import { SCHEDULES, type SchedulerName } from "./schedules/registry.js";

/** Most steps of a schedule: ComfyUI's own bound on its KSampler node. */
export const STEPS_MAX = 10_000;

/** Largest shift: ComfyUI's own bound on its ModelSamplingSD3 node. */
export const SHIFT_MAX = 100;

/**
 * Steps of the whole schedule that a `denoise` below 1 takes the end of: the most that a frame of {@link STEPS_MAX}
 * steps needs at a denoise of 0.01. It bounds the work of a call to some 0.1 s.
 */
export const WHOLE_STEPS_MAX = 1_000_000;

/** From this denoise on the schedule is whole. Source: ComfyUI `comfy/samplers.py`, `KSampler.set_steps`. */
const DENOISE_WHOLE = 0.9999;

/** What {@link sigmas} computes a frame's noise levels from. */
export interface SigmaOptions {
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly shift: number;
  /** A few samplers ask for one level more and drop the last but one; without a name, none does. */
  readonly sampler?: SamplerName;
  /**
   * How much of a start latent is redrawn, 0 to 1 (the default): the steps are the last ones of a schedule of
   * `steps / denoise` steps. 0 gives no levels at all, for a latent that stays as it is.
   */
  readonly denoise?: number;
}

/**
 * The noise levels of a frame, from high to low, ending in 0; in float32, within an ulp of ComfyUI's. They are
 * `steps + 1`, except that ddim_uniform may give more (28 steps: 30 levels) and beta fewer, as in ComfyUI.
 *
 * Source: ComfyUI `comfy/samplers.py`, `KSampler.set_steps` and `calculate_sigmas`.
 * @throws {RangeError} for steps outside 1 to 10,000, a shift outside 0 (excluded) to 100, a denoise outside 0 to 1, or
 * one so small that the whole schedule has more than 1,000,000 steps
 */
export function sigmas({ scheduler, steps, shift, sampler, denoise = 1 }: SigmaOptions): Float32Array {
  checkRanges(steps, shift, denoise);
  if (denoise === 0) return new Float32Array();
  const wholeSteps = denoise > DENOISE_WHOLE ? steps : Math.floor(steps / denoise);
  if (wholeSteps > WHOLE_STEPS_MAX) {
    throw new RangeError(
      `Cannot compute sigmas as a schedule: denoise is ${denoise}, too small for ${steps} steps`,
    );
  }
  const discards = sampler !== undefined && SAMPLER_METHODS[sampler].discardsPenultimateSigma === true;
  const schedule = SCHEDULES[scheduler];
  const whole = discards
    ? dropPenultimate(schedule({ steps: wholeSteps + 1, shift }))
    : schedule({ steps: wholeSteps, shift });
  return denoise > DENOISE_WHOLE ? whole : whole.slice(-(steps + 1));
}

function checkRanges(steps: number, shift: number, denoise: number): void {
  const refuse = (problem: string): never => {
    throw new RangeError(`Cannot compute sigmas as a schedule: ${problem}`);
  };
  if (!Number.isInteger(steps) || steps < 1 || steps > STEPS_MAX)
    refuse(`steps is ${steps}, expected 1 to ${STEPS_MAX}`);
  if (!(shift > 0 && shift <= SHIFT_MAX)) refuse(`shift is ${shift}, expected above 0 to ${SHIFT_MAX}`);
  if (!(denoise >= 0 && denoise <= 1)) refuse(`denoise is ${denoise}, expected 0 to 1`);
}

/** Source: ComfyUI `comfy/samplers.py`, `DISCARD_PENULTIMATE_SIGMA_SAMPLERS`. */
export function dropPenultimate(values: Float32Array): Float32Array {
  return values.filter((_, index) => index !== values.length - 2);
}
