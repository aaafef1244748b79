import { createBrownianTree } from "./brownian-tree.js";

const { fround } = Math;

/**
 * The noise of the SDE samplers: of unit variance, for the way from a sigma down to the next, out of a Brownian tree
 * over the schedule's positive sigmas. It depends on nothing that happened before, so a resumed frame draws the same.
 *
 * Source: crowsonkb/k-diffusion `sampling.py`, `BrownianTreeNoiseSampler`, which divides the increment by the square
 * root of the time; its sign is that of time running from the lower sigma to the higher.
 */
export function createBrownianNoise(options: {
  readonly sigmas: Float32Array;
  readonly seed: bigint;
  readonly count: number;
}): (sigma: number, sigmaNext: number) => Float32Array {
  const { sigmas, seed, count } = options;
  let tree: ReturnType<typeof createBrownianTree> | undefined;
  return (sigma, sigmaNext) => {
    const positive = sigmas.filter((level) => level > 0);
    tree ??= createBrownianTree({ start: Math.min(...positive), end: Math.max(...positive), seed, count });
    const scale = fround(Math.sqrt(fround(sigma - sigmaNext)));
    return tree(sigmaNext, sigma).map((value) => -value / scale);
  };
}
