import { expect, test } from "vitest";
import { judgeShare } from "./verdict.js";

test("judgeShare() takes an aim as met or missed only where the whole interval says so", () => {
  const between = (low: number, high: number) => ({ low, high, mean: (low + high) / 2, count: 9 });
  expect(judgeShare(between(-0.002, 0.009), 0.0005)).toBe("met");
  expect(judgeShare(between(-0.002, 0.009), 0.0015)).toBe("not told apart");
  expect(judgeShare(between(-0.038, 0.003), 0.0005)).toBe("not told apart");
  expect(judgeShare(between(0.004, 0.03), 0)).toBe("not told apart");
  expect(judgeShare(between(0.0098, 0.03), 0.0005)).toBe("missed");
  expect(judgeShare(between(0.012, 0.03), 0)).toBe("missed");
});
