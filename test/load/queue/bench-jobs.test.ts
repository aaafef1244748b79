import { expect, test } from "vitest";
import { planJobSizes } from "./bench-jobs.js";

test("planJobSizes() plans exactly the frames asked for, in jobs of 1 to 10,000", () => {
  for (const frames of [1, 999, 1_000, 12_345, 1_000_000]) {
    const sizes = planJobSizes(frames);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(frames);
  }
  expect(new Set(planJobSizes(1_000_000))).toEqual(new Set([1, 10, 100, 1_000, 10_000]));
});

test("planJobSizes() mixes large and small jobs", () => {
  const sizes = planJobSizes(1_000_000);
  const first = sizes.slice(0, sizes.length / 2).reduce((sum, size) => sum + size, 0);
  expect(first).toBeGreaterThan(400_000);
  expect(first).toBeLessThan(600_000);
});
