import type { JobParams } from "./params.js";

/** Pixels of a megapixel. */
const PIXELS_PER_MEGAPIXEL = 1e6;

/** What one frame costs: megapixel-steps, width x height / 10^6 x steps. Guidance and sampler do not count. */
export function frameCost({ width, height, steps }: Pick<JobParams, "width" | "height" | "steps">): number {
  return (width * height * steps) / PIXELS_PER_MEGAPIXEL;
}
