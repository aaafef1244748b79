import { expect, it } from "vitest";

/** Largest absolute difference of two equally long sequences; NaN anywhere counts as infinite. */
export function maxAbsDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new Error(`Cannot compare: lengths are ${actual.length} and ${expected.length}`);
  }
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs((actual[i] ?? Number.NaN) - (expected[i] ?? Number.NaN));
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return largest;
}

/** Fails unless both agree within `tolerance`. */
export function expectWithin(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(maxAbsDifference(actual, expected)).toBeLessThanOrEqual(tolerance);
}

/** Fails unless each float32 is at most `ulps` representable numbers away. */
export function expectUlps(actual: Float32Array, expected: ArrayLike<number>, ulps: number): void {
  const distances = Array.from(Float32Array.from(expected), (value, i) =>
    Math.abs(rank(value) - rank(actual[i])),
  );
  expect(actual.length).toBe(expected.length);
  expect(Math.max(...distances)).toBeLessThanOrEqual(ulps);
}

/** The place of a float32 among all float32 in ascending order. */
function rank(value = Number.NaN): number {
  const bits = new Int32Array(Float32Array.of(value).buffer)[0] ?? 0;
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}

/** Fails unless the root mean square of the difference is at most `tolerance` of the expected values' own. */
export function expectRelative(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  const differences = Array.from(expected, (value, i) => (actual[i] ?? Number.NaN) - value);
  expect(rootMeanSquare(differences) / rootMeanSquare(expected)).toBeLessThanOrEqual(tolerance);
}

function rootMeanSquare(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0) / values.length);
}

/** Says in a line that cases are not run because the farm does not offer a name; vitest does not print skips. */
export function skipNotOffered(what: string): void {
  process.stderr.write(`reference: ${what} is not offered; its cases are not run\n`);
  it.skip(`${what} is not offered`, () => undefined);
}
