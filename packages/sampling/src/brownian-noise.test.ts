import { describe, expect, it } from "vitest";
import { createBrownianNoise } from "./brownian-noise.js";
import { createBrownianTree } from "./brownian-tree.js";

describe("createBrownianNoise()", () => {
  it("turns increments around and scales them to unit variance", () => {
    const noise = createBrownianNoise({ sigmas: Float32Array.of(1, 0.75, 0.25, 0), seed: 7n, count: 2048 });
    const tree = createBrownianTree({ start: 0.25, end: 1, seed: 7n, count: 2048 });
    const increment = tree(0.25, 0.75);
    const drawn = noise(0.75, 0.25);
    const scale = Math.fround(Math.sqrt(0.5));
    expect(drawn).toEqual(increment.map((value) => -value / scale));
    const variance = drawn.reduce((sum, value) => sum + value ** 2, 0) / drawn.length;
    expect(Math.abs(variance - 1)).toBeLessThan(0.1);
  });
});
