import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { linspace } from "./linspace.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

const { fround } = Math;

/** The paper's rho. */
const RHO = 7;

/**
 * `karras`: evenly spaced in the seventh root of sigma, from the highest to the lowest, then 0.
 *
 * Source: Karras et al. 2022 (arXiv 2206.00364), equation 5; crowsonkb/k-diffusion `sampling.py`, `get_sigmas_karras`.
 */
export function karrasSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  const root = table[SIGMA_LEVELS - 1]! ** (1 / RHO);
  const distance = fround(table[0]! ** (1 / RHO) - root);
  const levels = linspace(0, 1, steps).map((time) => fround(fround(root) + fround(time * distance)) ** RHO);
  return closeWithZero(levels);
}
