import { createBrownianNoise } from "./brownian-noise.js";
import { offsetFirstSigma } from "./log-snr.js";
import { createNoiseSequence } from "./noise-sequence.js";
import type { SamplerContext, SamplerMethod } from "./samplers/method.js";

/** What a frame's context is made of. */
export interface ContextOptions {
  readonly method: SamplerMethod;
  readonly sigmas: Float32Array;
  readonly seed: bigint;
  readonly shift: number;
  /** Values of the latent. */
  readonly count: number;
}

/** The context of a frame. Both noise sources cost nothing until they are first drawn from. */
export function createContext({ method, sigmas, seed, shift, count }: ContextOptions): SamplerContext {
  const brownian = createBrownianNoise({ sigmas, seed, count });
  return {
    sigmas: method.offsetsFirstSigma === true ? offsetFirstSigma(sigmas, shift) : sigmas,
    drawNoise: createNoiseSequence(seed, count),
    brownianNoise: brownian,
  };
}
