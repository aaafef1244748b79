import type { Endpoint } from "@latentfarm/contract";

/** What is remembered of an endpoint between deliveries: plain values, to be kept as JSON. Times in ms since 1970. */
export interface BreakerState {
  /** Failed attempts since the last success. */
  readonly failures: number;
  /** When the first of them was; null for none. */
  readonly firstFailureMs: number | null;
  /** How often the circuit has opened since the last success: each time for longer. */
  readonly openings: number;
  /** Until when nothing is sent; null while closed. Once past, one attempt at a time probes. */
  readonly openUntilMs: number | null;
  /** Until when a probe that was let through counts as under way; null when none is. */
  readonly probeUntilMs: number | null;
}

/** The numbers of a circuit breaker. */
export interface BreakerPolicy {
  /** Failures in a row that open the circuit. */
  readonly failuresMax: number;
  /** Milliseconds that it stays open the first time, doubled each time up to the other. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
  /** Milliseconds after which a probe that was not heard of is given up. */
  readonly probeMs: number;
  /** Milliseconds of nothing but failures, and how many of them, after which the endpoint is disabled. */
  readonly disableMs: number;
  readonly disableFailuresMin: number;
}

/** What an attempt's end means for its endpoint. */
export interface BreakerVerdict {
  readonly state: BreakerState;
  /** Why nothing may be sent to it any more; null when it may. */
  readonly disable: Endpoint["disabled"];
}

/** Whether an attempt may be made now, with the state to keep if so, or when to ask again. */
export type BreakerAdmission =
  | { readonly go: true; readonly state: BreakerState }
  | { readonly go: false; readonly retryAtMs: number };

/** The outcome of an attempt, as far as the breaker looks. */
export interface BreakerOutcome {
  readonly error: { readonly code: string } | null;
  readonly retry_after_seconds: number | null;
}

/**
 * The farm's numbers. Five failures in a row are no chance; 10 s lets a restart pass, 10 minutes keep a queue that comes
 * back from waiting long; a probe outlives the 15 s of an attempt; 5 days as Svix has it, longer than one delivery's
 * whole schedule, and 10 failures so that an endpoint with two unlucky events a week apart stays.
 */
export const BREAKER_POLICY: BreakerPolicy = {
  failuresMax: 5,
  pauseMs: 10_000,
  pauseMsMax: 600_000,
  probeMs: 20_000,
  disableMs: 432_000_000,
  disableFailuresMin: 10,
};

/** An endpoint that nothing bad is known of. */
export const BREAKER_CLOSED: BreakerState = {
  failures: 0,
  firstFailureMs: null,
  openings: 0,
  openUntilMs: null,
  probeUntilMs: null,
};

const MS_PER_SECOND = 1_000;

/** Asks before an attempt. Half open, it lets one probe through and counts it as under way. */
export function beforeAttempt(
  state: BreakerState,
  nowMs: number,
  policy: BreakerPolicy = BREAKER_POLICY,
): BreakerAdmission {
  const { openUntilMs, probeUntilMs } = state;
  if (openUntilMs === null) return { go: true, state };
  if (nowMs < openUntilMs) return { go: false, retryAtMs: openUntilMs };
  if (probeUntilMs !== null && nowMs < probeUntilMs) return { go: false, retryAtMs: probeUntilMs };
  return { go: true, state: { ...state, probeUntilMs: nowMs + policy.probeMs } };
}

/**
 * Tells the breaker how an attempt ended. A success closes the circuit; a failure opens it when it is one too many, or
 * the probe. Failures of attempts that were under way when it opened do not lengthen the pause. A receiver that asks
 * for time by `Retry-After` gets it for all its deliveries, within the longest pause.
 */
export function afterOutcome(
  state: BreakerState,
  outcome: BreakerOutcome,
  { nowMs, policy = BREAKER_POLICY }: { readonly nowMs: number; readonly policy?: BreakerPolicy },
): BreakerVerdict {
  if (outcome.error === null) return { state: BREAKER_CLOSED, disable: null };
  const counted: BreakerState = {
    ...state,
    failures: state.failures + 1,
    firstFailureMs: state.firstFailureMs ?? nowMs,
  };
  const next = openFor(openOnFailure(counted, nowMs, policy), outcome.retry_after_seconds, { nowMs, policy });
  return { state: next, disable: outcome.error.code === "gone" ? "gone" : failing(next, nowMs, policy) };
}

/** Takes an interrupted attempt back: it says nothing about the receiver, and another may probe. */
export function afterInterruption(state: BreakerState): BreakerState {
  return { ...state, probeUntilMs: null };
}

function openOnFailure(state: BreakerState, nowMs: number, policy: BreakerPolicy): BreakerState {
  const { openUntilMs } = state;
  const isEnough = openUntilMs === null ? state.failures >= policy.failuresMax : nowMs >= openUntilMs;
  if (!isEnough) return state;
  const pauseMs = Math.min(policy.pauseMs * 2 ** state.openings, policy.pauseMsMax);
  return { ...state, openings: state.openings + 1, openUntilMs: nowMs + pauseMs, probeUntilMs: null };
}

function openFor(
  state: BreakerState,
  seconds: number | null,
  { nowMs, policy }: { readonly nowMs: number; readonly policy: BreakerPolicy },
): BreakerState {
  if (seconds === null || seconds === 0) return state;
  const untilMs = nowMs + Math.min(seconds * MS_PER_SECOND, policy.pauseMsMax);
  return { ...state, openUntilMs: Math.max(state.openUntilMs ?? 0, untilMs), probeUntilMs: null };
}

function failing(state: BreakerState, nowMs: number, policy: BreakerPolicy): Endpoint["disabled"] {
  const sinceMs = state.firstFailureMs === null ? 0 : nowMs - state.firstFailureMs;
  return sinceMs >= policy.disableMs && state.failures >= policy.disableFailuresMin ? "failing" : null;
}
