import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type NextAttempt, nextAttemptMs, RETRY_SCHEDULE_MS } from "./next-attempt.js";

const failed = (retry_after_seconds: number | null = null, code = "status") => ({
  error: { code },
  retry_after_seconds,
});
const next = (attempt: number, over: Partial<NextAttempt> = {}) =>
  nextAttemptMs({ attempt, outcome: failed(), random: () => 0, ...over });

describe("nextAttemptMs()", () => {
  test("nextAttemptMs() makes 10 attempts over 75 h 35 m 05 s, as the specification has it", () => {
    const pauses = Array.from({ length: 12 }, (_, index) => next(index + 1));
    const seconds = pauses.map((pause) => (pause === undefined ? undefined : pause / 1_000));
    const table = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
    expect(seconds).toEqual([...table, undefined, undefined, undefined]);
    expect(table.reduce((sum, pause) => sum + pause, 0)).toBe(272_105);
  });

  test("nextAttemptMs() adds up to a fifth by chance, and never takes away", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: RETRY_SCHEDULE_MS.length }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempt, chance) => {
          const pause = RETRY_SCHEDULE_MS[attempt - 1] ?? 0;
          const result = next(attempt, { random: () => chance });
          expect(result).toBeGreaterThanOrEqual(pause);
          expect(result).toBeLessThanOrEqual(pause * 1.2);
        },
      ),
    );
    expect(next(1, { random: () => 0.5 })).toBe(5_500);
  });

  test("nextAttemptMs() waits for Retry-After where that is longer, at most a day", () => {
    expect(next(1, { outcome: failed(60) })).toBe(60_000);
    expect(next(1, { outcome: failed(4) })).toBe(5_000);
    expect(next(1, { outcome: failed(1e9) })).toBe(86_400_000);
  });

  test("nextAttemptMs() ends at a success and at a receiver that is gone", () => {
    expect(next(1, { outcome: { error: null, retry_after_seconds: null } })).toBeUndefined();
    expect(next(1, { outcome: failed(null, "gone") })).toBeUndefined();
  });

  test("nextAttemptMs() follows another schedule where one is given", () => {
    expect(next(2, { scheduleMs: [1, 7] })).toBe(7);
    expect(next(3, { scheduleMs: [1, 7] })).toBeUndefined();
    expect(next(1, { scheduleMs: [] })).toBeUndefined();
  });
});
