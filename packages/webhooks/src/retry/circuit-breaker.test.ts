import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterInterruption,
  afterOutcome,
  BREAKER_CLOSED,
  BREAKER_POLICY,
  type BreakerState,
  beforeAttempt,
} from "./circuit-breaker.js";

const OK = { error: null, retry_after_seconds: null };
const BAD = { error: { code: "status" }, retry_after_seconds: null };
const DAY_MS = 86_400_000;
const START_MS = 1_700_000_000_000;

/** The state after so many failures in a row at one time. */
function fail(times: number, from: BreakerState = BREAKER_CLOSED, nowMs = START_MS): BreakerState {
  let state = from;
  for (let i = 0; i < times; i += 1) state = afterOutcome(state, BAD, { nowMs }).state;
  return state;
}

/** Fails a probe as soon as one is let through; gives the state and when that was. */
function failProbe(state: BreakerState): { state: BreakerState; nowMs: number } {
  const nowMs = state.openUntilMs ?? 0;
  const admission = beforeAttempt(state, nowMs);
  if (!admission.go) throw new Error("the probe was not let through");
  return { state: fail(1, admission.state, nowMs), nowMs };
}

describe("the circuit breaker", () => {
  test("afterOutcome() stays closed at four failures in a row and opens at the fifth, for 10 s", () => {
    expect(beforeAttempt(fail(4), START_MS).go).toBe(true);
    expect(beforeAttempt(fail(5), START_MS)).toEqual({ go: false, retryAtMs: START_MS + 10_000 });
    expect(beforeAttempt(fail(5), START_MS + 9_999).go).toBe(false);
    expect(beforeAttempt(fail(5), START_MS + 10_000).go).toBe(true);
  });

  test("afterOutcome() forgets failures at a success", () => {
    const { state } = afterOutcome(fail(4), OK, { nowMs: START_MS });
    expect(state).toEqual(BREAKER_CLOSED);
    expect(beforeAttempt(fail(4, state), START_MS).go).toBe(true);
  });

  test("beforeAttempt() lets one probe through while half open, and another when it is not heard of", () => {
    const first = beforeAttempt(fail(5), START_MS + 10_000);
    if (!first.go) throw new Error("the probe was not let through");
    expect(beforeAttempt(first.state, START_MS + 10_001)).toEqual({
      go: false,
      retryAtMs: START_MS + 30_000,
    });
    expect(beforeAttempt(first.state, START_MS + 30_000).go).toBe(true);
    expect(beforeAttempt(afterInterruption(first.state), START_MS + 10_001).go).toBe(true);
  });

  test("afterOutcome() closes at a probe's success and doubles the pause at its failure, up to 10 minutes", () => {
    let state = fail(5);
    const pauses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const failed = failProbe(state);
      state = failed.state;
      pauses.push(((state.openUntilMs ?? 0) - failed.nowMs) / 1_000);
    }
    expect(pauses).toEqual([20, 40, 80, 160, 320, 600, 600, 600]);
    expect(afterOutcome(state, OK, { nowMs: state.openUntilMs ?? 0 }).state).toEqual(BREAKER_CLOSED);
  });

  test("afterOutcome() does not lengthen the pause for attempts that were under way when it opened", () => {
    const open = fail(5);
    expect(fail(20, open, START_MS + 5_000).openUntilMs).toBe(open.openUntilMs);
  });

  test("afterOutcome() gives a receiver the time that it asks for, within the longest pause", () => {
    const asked = (seconds: number) =>
      afterOutcome(BREAKER_CLOSED, { ...BAD, retry_after_seconds: seconds }, { nowMs: START_MS }).state;
    expect(beforeAttempt(asked(30), START_MS + 29_999).go).toBe(false);
    expect(beforeAttempt(asked(30), START_MS + 30_000).go).toBe(true);
    expect(asked(86_400).openUntilMs).toBe(START_MS + BREAKER_POLICY.pauseMsMax);
    expect(asked(0).openUntilMs).toBeNull();
    const open = fail(5);
    const shorter = afterOutcome(open, { ...BAD, retry_after_seconds: 1 }, { nowMs: START_MS }).state;
    expect(shorter.openUntilMs).toBe(open.openUntilMs);
  });

  test("afterOutcome() opens again when the probe fails after a pause that the receiver had asked for", () => {
    const asked = afterOutcome(
      BREAKER_CLOSED,
      { ...BAD, retry_after_seconds: 30 },
      { nowMs: START_MS },
    ).state;
    const { state, nowMs } = failProbe(asked);
    expect(beforeAttempt(state, nowMs)).toEqual({ go: false, retryAtMs: nowMs + 10_000 });
  });

  test("afterOutcome() disables at 410 at once", () => {
    const gone = { error: { code: "gone" }, retry_after_seconds: null };
    expect(afterOutcome(BREAKER_CLOSED, gone, { nowMs: START_MS }).disable).toBe("gone");
  });

  test("afterOutcome() disables after 5 days of nothing but failures, and of at least 10 of them", () => {
    const later = (state: BreakerState, ms: number) =>
      afterOutcome(state, BAD, { nowMs: START_MS + ms }).disable;
    expect(later(fail(9), 5 * DAY_MS)).toBe("failing");
    expect(later(fail(9), 5 * DAY_MS - 1)).toBeNull();
    expect(later(fail(8), 5 * DAY_MS)).toBeNull();
    const mended = afterOutcome(fail(9), OK, { nowMs: START_MS + 4 * DAY_MS }).state;
    expect(later(fail(9, mended, START_MS + 4 * DAY_MS), 8 * DAY_MS)).toBeNull();
  });

  test("the breaker never holds an endpoint for longer than its longest pause or a lost probe", () => {
    const outcome = fc.record({
      error: fc.option(fc.constant({ code: "status" }), { nil: null }),
      retry_after_seconds: fc.option(fc.nat(200_000), { nil: null }),
    });
    const steps = fc.array(fc.record({ outcome, passMs: fc.nat(1_000_000), isLost: fc.boolean() }), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(steps, (list) => {
        let state = BREAKER_CLOSED;
        let nowMs = START_MS;
        for (const step of list) {
          nowMs += step.passMs;
          const admission = beforeAttempt(state, nowMs);
          if (admission.go) {
            state = step.isLost
              ? admission.state
              : afterOutcome(admission.state, step.outcome, { nowMs }).state;
          } else {
            expect(admission.retryAtMs).toBeGreaterThan(nowMs);
            expect(admission.retryAtMs - nowMs).toBeLessThanOrEqual(BREAKER_POLICY.pauseMsMax);
            expect(beforeAttempt(state, admission.retryAtMs).go).toBe(true);
          }
        }
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
      { numRuns: 500 },
    );
  });
});
