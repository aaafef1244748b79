/** State words, and the distance of the word that each is mixed with. */
const STATE_WORDS = 624;
const MIX_DISTANCE = 397;

const INIT_MULTIPLIER = 1812433253;
const TWIST_MATRIX = 0x9908b0df;
const UPPER_BIT = 0x80000000;
const LOWER_BITS = 0x7fffffff;

/**
 * The 32-bit Mersenne Twister MT19937, PyTorch's CPU generator. Each call gives the next integer, 0 to 2^32 - 1.
 *
 * Source: Matsumoto and Nishimura 1998, "Mersenne Twister"; pytorch `aten/src/ATen/core/MT19937RNGEngine.h`.
 */
export function createMersenneTwister(seed: number): () => number {
  const state = new Uint32Array(STATE_WORDS);
  state[0] = seed;
  for (let index = 1; index < STATE_WORDS; index += 1) {
    const previous = state[index - 1]!;
    state[index] = Math.imul(INIT_MULTIPLIER, previous ^ (previous >>> 30)) + index;
  }
  let position = STATE_WORDS;
  return () => {
    if (position === STATE_WORDS) {
      twist(state);
      position = 0;
    }
    const word = state[position]!;
    position += 1;
    return temper(word);
  };
}

function twist(state: Uint32Array): void {
  for (let index = 0; index < STATE_WORDS; index += 1) {
    const next = index + 1 < STATE_WORDS ? index + 1 : 0;
    const distant =
      index + MIX_DISTANCE < STATE_WORDS ? index + MIX_DISTANCE : index + MIX_DISTANCE - STATE_WORDS;
    const mixed = (state[index]! & UPPER_BIT) | (state[next]! & LOWER_BITS);
    const odd = mixed & 1 ? TWIST_MATRIX : 0;
    state[index] = state[distant]! ^ (mixed >>> 1) ^ odd;
  }
}

/** The output function: the paper's shifts and masks. */
function temper(word: number): number {
  let value = word;
  value ^= value >>> 11;
  value ^= (value << 7) & 0x9d2c5680;
  value ^= (value << 15) & 0xefc60000;
  value ^= value >>> 18;
  return value >>> 0;
}
