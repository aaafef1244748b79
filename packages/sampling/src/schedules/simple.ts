import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import type { ScheduleOptions } from "./schedule.js";

/**
 * `simple`: every (1000 / steps)-th entry of the sigma table from the top, then 0. The index is rounded in doubles in
 * this very order, as exact integers differ from ComfyUI's entries for some step counts (38 is the first).
 *
 * Source: ComfyUI `comfy/samplers.py`, `simple_scheduler`.
 */
export function simpleSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  const stride = SIGMA_LEVELS / steps;
  return Float32Array.from({ length: steps + 1 }, (_, step) =>
    step === steps ? 0 : table[SIGMA_LEVELS - 1 - Math.floor(step * stride)]!,
  );
}
