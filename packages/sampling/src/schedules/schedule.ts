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
