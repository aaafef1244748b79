import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

const { fround } = Math;

/**
 * `kl_optimal`: evenly spaced in the arc tangent of sigma, from the highest to the lowest, then 0.
 *
 * NOTE: for one step ComfyUI divides 0 by 0 and draws a picture of NaN. Here that step starts at the highest sigma, as
 * it does in every other schedule and as the first of many steps does in this one.
 *
 * Source: Sabour et al. 2024, "Align Your Steps" (arXiv 2404.14507), theorem 3.1; ComfyUI `comfy/samplers.py`,
 * `kl_optimal_scheduler`.
 */
export function klOptimalSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  const low = fround(Math.atan(table[0]!));
  const high = fround(Math.atan(table[SIGMA_LEVELS - 1]!));
  const levels = Float32Array.from({ length: steps }, (_, index) => {
    const time = steps === 1 ? 0 : fround(index / (steps - 1));
    return Math.tan(fround(fround(time * low) + fround(fround(1 - time) * high)));
  });
  return closeWithZero(levels);
}
