import { sigmaOfTimestep } from "../flow.js";
import { linspace } from "./linspace.js";
import type { ScheduleOptions } from "./schedule.js";
import { sigmasOfTimesteps, timestepRange } from "./timesteps.js";

/** A last sigma below this counts as 0 already. Source: ComfyUI `comfy/samplers.py`, `normal_scheduler`. */
const SIGMA_ZERO_TOLERANCE = 0.00001;

/**
 * `normal`: evenly spaced timesteps from the highest to the lowest sigma, both included, then 0. For shifts so small
 * that the lowest sigma is as good as 0, one more timestep takes the place of the closing 0.
 *
 * Source: ComfyUI `comfy/samplers.py`, `normal_scheduler`; Stability-AI/sd3.5 `sd3_infer.py`, `get_sigmas`.
 */
export function normalSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const { start, end } = timestepRange(shift);
  if (sigmaOfTimestep(shift, end) <= SIGMA_ZERO_TOLERANCE) {
    return sigmasOfTimesteps(shift, linspace(start, end, steps + 1));
  }
  return sigmasOfTimesteps(shift, linspace(start, end, steps), 0);
}
