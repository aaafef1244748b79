/** Words of the pool. NumPy's own default is 4; torchsde asks for 24. */
const POOL_WORDS = 24;

/** Source: numpy `random/bit_generator.pyx`, after M. O'Neill's `seed_seq_fe`. */
const HASH_START = 0x43b0d7e5;
const HASH_FACTOR = 0x931e8875;
const OUTPUT_START = 0x8b51f9dd;
const OUTPUT_FACTOR = 0x58f38ded;
const MIX_FACTOR_LEFT = 0xca01f9dd;
const MIX_FACTOR_RIGHT = 0x4973f715;
const HALF_WORD_BITS = 16;

const WORD_BITS = 32;
const WORD_MASK = 0xffffffffn;

/**
 * The first `count` words of NumPy's `SeedSequence(entropy, spawn_key, pool_size=24).generate_state(count)`: many
 * independent 32-bit seeds out of one large seed and a place in a tree.
 *
 * Source: numpy `random/bit_generator.pyx`, `SeedSequence`; M. O'Neill 2015, "Developing a seed_seq Alternative".
 * @param entropy 0 or more, of at most 24 words
 * @param spawnKey words, 0 to 2^32 - 1 each
 */
export function seedSequence(entropy: bigint, spawnKey: readonly number[], count: number): Uint32Array {
  return generate(mixPool(assembleWords(entropy, spawnKey)), count);
}

/** The entropy's words, lowest first; before a spawn key, padded to the pool, so that the two never run together. */
function assembleWords(entropy: bigint, spawnKey: readonly number[]): number[] {
  const words = [Number(entropy & WORD_MASK)];
  for (let rest = entropy >> BigInt(WORD_BITS); rest > 0n; rest >>= BigInt(WORD_BITS)) {
    words.push(Number(rest & WORD_MASK));
  }
  if (spawnKey.length === 0) return words;
  while (words.length < POOL_WORDS) words.push(0);
  return [...words, ...spawnKey];
}

function mixPool(words: readonly number[]): Uint32Array {
  const hash = createHash(HASH_START, HASH_FACTOR);
  const pool = Uint32Array.from({ length: POOL_WORDS }, (_, index) => hash(words[index] ?? 0));
  for (let from = 0; from < POOL_WORDS; from += 1) {
    for (let to = 0; to < POOL_WORDS; to += 1) {
      if (from !== to) pool[to] = mix(pool[to]!, hash(pool[from]!));
    }
  }
  for (const word of words.slice(POOL_WORDS)) {
    for (let to = 0; to < POOL_WORDS; to += 1) pool[to] = mix(pool[to]!, hash(word));
  }
  return pool;
}

function generate(pool: Uint32Array, count: number): Uint32Array {
  const hash = createHash(OUTPUT_START, OUTPUT_FACTOR);
  return Uint32Array.from({ length: count }, (_, index) => hash(pool[index % POOL_WORDS]!));
}

/** A multiplicative hash whose constant changes with each call. */
function createHash(start: number, factor: number): (value: number) => number {
  let constant = start;
  return (value) => {
    const masked = value ^ constant;
    constant = Math.imul(constant, factor);
    return foldHalves(Math.imul(masked, constant));
  };
}

function mix(left: number, right: number): number {
  return foldHalves(Math.imul(MIX_FACTOR_LEFT, left) - Math.imul(MIX_FACTOR_RIGHT, right));
}

/** The word, its upper half folded onto the lower. */
function foldHalves(word: number): number {
  return (word ^ (word >>> HALF_WORD_BITS)) >>> 0;
}
