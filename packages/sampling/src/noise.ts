import { createMersenneTwister } from "./mersenne-twister.js";

/** Seeds are below 2^64, as ComfyUI's are; PyTorch's generator takes the lower 32 bits of one. */
const SEED_BITS = 64;
const GENERATOR_SEED_BITS = 32;

/** PyTorch fills in blocks of 16: 8 radii and 8 angles. Shorter tensors take another path. */
const BLOCK = 16;
const HALF_BLOCK = 8;

/** A float uniform takes the lower 24 bits of a word, a double the lower 53 of two. */
const FLOAT_MASK = 0xffffff;
const FLOAT_UNIT = 2 ** -24;
const DOUBLE_HIGH_MASK = 0x1fffff;
const DOUBLE_UNIT = 2 ** -53;
const WORD = 2 ** 32;

const TWO_PI_FLOAT = Math.fround(2 * Math.PI);

/**
 * Normal noise: the float32 values of `torch.manual_seed(seed); torch.randn(shape)` on the CPU, within 5e-7 (PyTorch's
 * vectorised logarithm and sine differ from exact ones by an ulp).
 *
 * @param seed 0 to 2^64 - 1; seeds equal modulo 2^32 give equal noise, as in PyTorch
 * @param shape the number of values, or the dimensions; the values are in C order
 *
 * Source: pytorch `aten/src/ATen/native/cpu/DistributionTemplates.h`, `normal_fill` and `normal_kernel`.
 * @throws {RangeError} for a seed or a count out of range
 */
export function randn(seed: bigint, shape: number | readonly number[]): Float32Array {
  return createRandnStream(seed)(shape);
}

/**
 * The same from a generator that goes on: each call draws the next tensor, as repeated `torch.randn` calls do.
 *
 * NOTE: below 16 values, and an odd number of them, PyTorch keeps half a pair for the next call; this does not. Latents
 * have at least 16 values.
 * @throws {RangeError} for a seed out of range, and on a call for a count out of range
 */
export function createRandnStream(seed: bigint): (shape: number | readonly number[]) => Float32Array {
  if (seed < 0n || seed !== BigInt.asUintN(SEED_BITS, seed)) {
    throw new RangeError(`Cannot draw noise as seeded: seed is ${seed}, expected 0 to 2^64 - 1`);
  }
  const next = createMersenneTwister(Number(BigInt.asUintN(GENERATOR_SEED_BITS, seed)));
  return (shape) => {
    const count = countValues(shape);
    return count < BLOCK ? drawShort(next, count) : drawBlocks(next, count);
  };
}

function countValues(shape: number | readonly number[]): number {
  const count = typeof shape === "number" ? shape : shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`Cannot draw noise as a tensor: count is ${count}`);
  }
  return count;
}

/** All uniforms first, then a transform per block of 16; a rest is covered by 16 fresh values at the end. */
function drawBlocks(next: () => number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 1) values[index] = (next() & FLOAT_MASK) * FLOAT_UNIT;
  for (let start = 0; start + BLOCK <= count; start += BLOCK) transformBlock(values, start);
  if (count % BLOCK > 0) {
    for (let index = count - BLOCK; index < count; index += 1)
      values[index] = (next() & FLOAT_MASK) * FLOAT_UNIT;
    transformBlock(values, count - BLOCK);
  }
  return values;
}

/** Box-Muller in float32: value j with value j + 8. */
function transformBlock(values: Float32Array, start: number): void {
  for (let index = start; index < start + HALF_BLOCK; index += 1) {
    const uniform = 1 - values[index]!; // in (0, 1], so that the logarithm is finite
    const radius = Math.fround(Math.sqrt(Math.fround(-2 * Math.fround(Math.log(uniform)))));
    const angle = Math.fround(TWO_PI_FLOAT * values[index + HALF_BLOCK]!);
    values[index] = radius * Math.fround(Math.cos(angle));
    values[index + HALF_BLOCK] = radius * Math.fround(Math.sin(angle));
  }
}

/** Fewer than 16 values: Box-Muller in double precision, two values per pair of uniforms. */
function drawShort(next: () => number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 2) {
    const angle = 2 * Math.PI * drawDouble(next);
    const radius = Math.sqrt(-2 * Math.log1p(-drawDouble(next)));
    values[index] = radius * Math.cos(angle);
    if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** A double in [0, 1) from two words, the higher one first. */
function drawDouble(next: () => number): number {
  const high = next() & DOUBLE_HIGH_MASK;
  return (high * WORD + next()) * DOUBLE_UNIT;
}
