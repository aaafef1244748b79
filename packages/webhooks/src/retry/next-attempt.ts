import { RETRY_AFTER_SECONDS_MAX } from "../send/retry-after.js";
import type { SendOutcome } from "../send/send-outcome.js";

const MS_PER_SECOND = 1_000;
const SECOND = MS_PER_SECOND;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Milliseconds from each attempt to the next, the first attempt being made at once: 10 attempts over 75.6 hours.
 * Source: standardwebhooks.com, "Deliverability and reliability".
 */
export const RETRY_SCHEDULE_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** Part of a pause that chance adds at most, so that what failed together does not come back together. */
const JITTER = 0.2;

/** What the next attempt depends on. */
export interface NextAttempt {
  /** The attempt that was just made, counting from 1. */
  readonly attempt: number;
  readonly outcome: Pick<SendOutcome, "retry_after_seconds"> & {
    readonly error: { readonly code: string } | null;
  };
  /** A number of 0 up to, not including, 1. */
  readonly random: () => number;
  readonly scheduleMs?: readonly number[];
}

/**
 * Milliseconds from a failed attempt to the next: what the schedule says and up to a fifth more, or what the receiver
 * asked for by `Retry-After` where that is longer, at most a day. Undefined when there is no next: it was delivered, the
 * receiver is gone (410), or the schedule is over.
 */
export function nextAttemptMs({
  attempt,
  outcome,
  random,
  scheduleMs = RETRY_SCHEDULE_MS,
}: NextAttempt): number | undefined {
  const pauseMs = scheduleMs[attempt - 1];
  if (pauseMs === undefined || outcome.error === null || outcome.error.code === "gone") return undefined;
  const askedSeconds = Math.min(outcome.retry_after_seconds ?? 0, RETRY_AFTER_SECONDS_MAX);
  return Math.max(Math.round(pauseMs * (1 + JITTER * random())), askedSeconds * MS_PER_SECOND);
}
