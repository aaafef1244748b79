import { expect, test } from "vitest";
import { summarize, summarizeLatency } from "./summary.js";

test("summarizeLatency() gives percentiles between neighbours, whatever the order", () => {
  const values = Array.from({ length: 101 }, (_, index) => 100 - index);
  expect(summarizeLatency(values)).toEqual({ p50: 50, p90: 90, p95: 95, p99: 99, max: 100, count: 101 });
  expect(summarizeLatency([1, 2]).p50).toBe(1.5);
});

test("summarizeLatency() and summarize() refuse to sum up nothing", () => {
  expect(() => summarizeLatency([])).toThrow(RangeError);
  expect(() => summarize([])).toThrow(RangeError);
});
