import { describe, expect, it } from "vitest";
import { createMersenneTwister } from "./mersenne-twister.js";

describe("createMersenneTwister()", () => {
  it("gives the published 10,000th value of the default seed", () => {
    // The C++ standard, [rand.predef]: the 10,000th output of a default-constructed mt19937 is this.
    const next = createMersenneTwister(5489);
    for (let count = 1; count < 10_000; count += 1) next();
    expect(next()).toBe(4123659995);
  });
});
