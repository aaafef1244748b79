import { linspace } from "./linspace.js";
import type { ScheduleOptions } from "./schedule.js";
import { sigmasOfTimesteps, timestepRange } from "./timesteps.js";

/**
 * `sgm_uniform`: evenly spaced timesteps from the highest sigma to the lowest, of which the lowest makes place for
 * the closing 0.
 *
 * Source: ComfyUI `comfy/samplers.py`, `normal_scheduler` with `sgm=True`.
 */
export function sgmUniformSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const { start, end } = timestepRange(shift);
  return sigmasOfTimesteps(shift, linspace(start, end, steps + 1).subarray(0, steps), 0);
}
