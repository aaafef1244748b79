import { SIGMA_LEVELS, sigmaTable } from "../flow.js";
import { closeWithZero, type ScheduleOptions } from "./schedule.js";

/** Both parameters of the beta distribution. Source: ComfyUI `comfy/samplers.py`, `beta_scheduler`. */
const SHAPE = 0.6;

/** Terms of the series below: each is at most half the one before, so the rest is beyond a double's precision. */
const SERIES_TERMS = 60;

/**
 * `beta`: table entries at the quantiles of a beta distribution, dense at both ends, then 0. Entries that repeat are
 * taken once, so many steps give fewer than asked for (139 is the first number that does).
 *
 * Source: Lee et al. 2024, "Beta Sampling is All You Need" (arXiv 2407.12173); ComfyUI `comfy/samplers.py`,
 * `beta_scheduler`.
 */
export function betaSchedule({ steps, shift }: ScheduleOptions): Float32Array {
  const table = sigmaTable(shift);
  return closeWithZero(Float32Array.from(betaEntries(steps), (entry) => table[entry]!));
}

/**
 * The table entries of the schedule: `rint(999 * quantile(1 - i / steps))`. Instead of inverting the distribution per
 * step, each level is compared with the distribution at the 999 places where rounding changes.
 */
export function betaEntries(steps: number): readonly number[] {
  const changes = Float64Array.from({ length: SIGMA_LEVELS - 1 }, (_, entry) =>
    betaDistribution((entry + 1 / 2) / (SIGMA_LEVELS - 1)),
  );
  const entries = Array.from({ length: steps }, (_, step) => countUpTo(changes, 1 - step / steps));
  return entries.filter((entry, index) => entry !== entries[index - 1]);
}

/** How many of the ascending values are at most `limit`. */
function countUpTo(values: Float64Array, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The distribution function of the symmetric beta distribution; the upper half mirrors the lower. */
function betaDistribution(x: number): number {
  const half = 1 / 2;
  if (x > half) return 1 - betaDistribution(1 - x);
  return x === half ? half : (half * incompleteBeta(x)) / incompleteBeta(half);
}

/**
 * The integral of `(t (1 - t))^(shape - 1)` from 0 to x, for x up to a half.
 * Source: NIST Digital Library of Mathematical Functions, 8.17.7 and 15.2.1.
 */
function incompleteBeta(x: number): number {
  let factor = 1;
  let sum = 0;
  for (let n = 0; n < SERIES_TERMS; n += 1) {
    sum += factor / (SHAPE + n);
    factor *= ((n + 1 - SHAPE) * x) / (n + 1);
  }
  return x ** SHAPE * sum;
}
