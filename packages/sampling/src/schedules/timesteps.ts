import { SIGMA_LEVELS, sigmaOfTimestep, sigmaTable, TIMESTEP_SCALE } from "../flow.js";

/** The timesteps of the highest and of the lowest sigma, in float32. */
export function timestepRange(shift: number): { start: number; end: number } {
  const table = sigmaTable(shift);
  return {
    start: Math.fround(table[SIGMA_LEVELS - 1]! * TIMESTEP_SCALE),
    end: Math.fround(table[0]! * TIMESTEP_SCALE),
  };
}

/** The sigma of each timestep, then the closing values. */
export function sigmasOfTimesteps(
  shift: number,
  timesteps: Float32Array,
  ...closing: readonly number[]
): Float32Array {
  return Float32Array.from([...timesteps.map((timestep) => sigmaOfTimestep(shift, timestep)), ...closing]);
}
