import { createRandnStream } from "./noise.js";

const SEED_BITS = 64;

/**
 * The noise that ComfyUI's default noise sampler draws on the CPU, tensor after tensor: PyTorch's generator seeded
 * with `seed + 1`, so that it differs from the frame's start noise. Asked by index, as a resumed frame begins in the
 * middle; going on by one costs one draw, going back draws from the start again.
 *
 * Source: ComfyUI `comfy/k_diffusion/sampling.py`, `default_noise_sampler`.
 * @param count values of a tensor
 */
export function createNoiseSequence(seed: bigint, count: number): (index: number) => Float32Array {
  let draw = createRandnStream(seed);
  let drawn = Number.POSITIVE_INFINITY; // the stream is seeded on the first call
  return (index) => {
    if (index < drawn) {
      draw = createRandnStream(BigInt.asUintN(SEED_BITS, seed + 1n));
      drawn = 0;
    }
    for (; drawn < index; drawn += 1) draw(count);
    drawn += 1;
    return draw(count);
  };
}
