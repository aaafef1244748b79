/** The greatest seed: 2^64 - 1, as in ComfyUI. */
export const SEED_MAX = (1n << 64n) - 1n;

/** No leading zeros, so that a seed has one spelling; 20 digits hold 2^64 - 1. */
const DECIMAL = /^(0|[1-9][0-9]{0,19})$/;

/** Reads a seed from decimal text, or gives undefined when it is not a whole number of 0..2^64-1. */
export function parseSeed(text: string): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const seed = BigInt(text);
  return seed <= SEED_MAX ? seed : undefined;
}

/**
 * The seed of one frame: the job's seed plus the frame's index.
 * @throws {RangeError} the sum is past 2^64 - 1 or the seed is not decimal text; a checked job has neither.
 */
export function frameSeed(jobSeed: string, index: number): string {
  const seed = parseSeed(jobSeed);
  if (seed === undefined || seed + BigInt(index) > SEED_MAX) {
    throw new RangeError(`Cannot derive the seed of frame ${index}: the job's seed is ${jobSeed}`);
  }
  return String(seed + BigInt(index));
}
