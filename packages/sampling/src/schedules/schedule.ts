/** What a schedule is computed from. */
export interface ScheduleOptions {
  /** Steps, 1 or more. */
  readonly steps: number;
  /** The flow model's shift; 3 for SD3. */
  readonly shift: number;
}

/**
 * One noise schedule: sigmas from high to low, in float32, the closing 0 included. A further one is a file here and
 * a line in registry.ts.
 */
export type Schedule = (options: ScheduleOptions) => Float32Array;

/** The levels, then 0. */
export function closeWithZero(levels: Float32Array): Float32Array {
  const closed = new Float32Array(levels.length + 1);
  closed.set(levels);
  return closed;
}
