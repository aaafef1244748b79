import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

/** The table entry that the schedule ends on. Source: ComfyUI `comfy/samplers.py`, `ddim_scheduler`. */
const FIRST_ENTRY = 1;

/** A last sigma below this counts as 0 already. Source: the same. */
const SIGMA_ZERO_TOLERANCE = 0.00001;

/**
 * `ddim_uniform`: every q-th entry of the sigma table, counted from the second lowest, from high to low, then 0. As q is
 * a whole number the steps may be more than asked for (28 give 29), and the first sigma is below 1.
 *
 * Source: Song et al. 2020 (arXiv 2010.02502), appendix D.2; ComfyUI `comfy/samplers.py`, `ddim_scheduler`.
 */
export function ddimUniformSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  const endsAtZero = table[FIRST_ENTRY]! <= SIGMA_ZERO_TOLERANCE;
  const stride = Math.max(Math.floor(SIGMA_LEVELS / (endsAtZero ? steps + 1 : steps)), 1);
  const levels = table.filter((_, index) => index >= FIRST_ENTRY && (index - FIRST_ENTRY) % stride === 0);
  levels.reverse();
  return endsAtZero ? levels : closeWithZero(levels);
}
