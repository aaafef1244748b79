import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { linspace } from "./linspace.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

/**
 * `exponential`: evenly spaced in the logarithm of sigma, from the highest to the lowest, then 0.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `get_sigmas_exponential`.
 */
export function exponentialSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  const start = Math.fround(Math.log(table[SIGMA_LEVELS - 1]!));
  const end = Math.fround(Math.log(table[0]!));
  return closeWithZero(linspace(start, end, steps).map(Math.exp));
}
