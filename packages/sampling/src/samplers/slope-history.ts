import type { Memory } from "./method.js";

/** The slopes that a multistep method remembers, the newest first. */
export function recallSlopes(memory: Memory): readonly Float32Array[] {
  return [memory.slope1, memory.slope2, memory.slope3].filter((slope) => slope !== undefined);
}

/** What to remember of the slopes, the newest first and at most three: the first becomes `slope1`, and so on. */
export function rememberSlopes(slopes: readonly Float32Array[], count: 2 | 3): Memory {
  return Object.fromEntries(slopes.slice(0, count).map((slope, index) => [`slope${index + 1}`, slope]));
}
