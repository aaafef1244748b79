import { describe, expect, it } from "vitest";
import { seedSequence } from "./seed-sequence.js";

describe("seedSequence()", () => {
  // numpy.random.SeedSequence(entropy, spawn_key=..., pool_size=24).generate_state(...)
  it.each([
    [42n, [], [387750627, 2536650517, 4078839648]],
    [42n, [0, 0], [2102017995, 2891809698, 2144110403, 379559146]],
    [42n, [1, 1], [1058881542, 1039740124, 2218853409, 2234354429]],
    [585483408983215n, [], [4039376899, 175389964, 2978140354]],
  ] as const)("gives NumPy's words for entropy %i and key %j", (entropy, key, words) => {
    expect([...seedSequence(entropy, key, words.length)]).toEqual([...words]);
  });

  it("uses all 64 bits of the entropy", () => {
    expect(seedSequence(2n ** 63n, [], 1)).not.toEqual(seedSequence(0n, [], 1));
    expect(seedSequence(2n ** 32n, [], 1)).not.toEqual(seedSequence(0n, [], 1));
  });
});
