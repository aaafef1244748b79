/** Draws that a seed repeats. */
export interface Random {
  /** A fraction of 0..1, 1 excluded. */
  fraction(): number;
  /** A whole number of `min`..`max`, both included. */
  between(min: number, max: number): number;
  pick<Item>(items: readonly [Item, ...Item[]]): Item;
  /** True with the given probability. */
  chance(probability: number): boolean;
  shuffle<Item>(items: readonly Item[]): Item[];
}

/** Seeds that a person can type again: as many digits as FARM_TEST_SEED takes. */
const SEED_END = 1_000_000_000;

/** A seed for a run that was given none. */
export function drawSeed(): number {
  return Math.floor(Math.random() * SEED_END);
}

/**
 * Numbers that follow from a seed and a stream number alone, so that what one stream draws moves no other.
 * Source: mulberry32 by Tommy Ettinger; the stream is mixed in by its odd multiplier.
 */
export function createRandom(seed: number, stream = 0): Random {
  const golden = 0x9e3779b9;
  let state = (seed ^ Math.imul(stream + 1, golden)) >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (min: number, max: number): number => min + Math.floor(fraction() * (max - min + 1));
  return {
    fraction,
    between,
    pick: ([first, ...rest]) => rest[between(0, rest.length) - 1] ?? first,
    chance: (probability) => fraction() < probability,
    shuffle(items) {
      const left = [...items];
      const shuffled: typeof left = [];
      while (left.length > 0) shuffled.push(...left.splice(between(0, left.length - 1), 1));
      return shuffled;
    },
  };
}
