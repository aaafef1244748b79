import { invariant } from "./errors.js";

/**
 * The states of a job and of a frame. A `queued` one waits for a worker; a `running` one has been claimed, and goes
 * back to `queued` when its worker is lost or a try fails and another follows; the other four are terminal.
 */
export const STATUSES = ["queued", "running", "succeeded", "failed", "canceled", "expired"] as const;

/** The state of a job or of a frame. */
export type Status = (typeof STATUSES)[number];

/** Which states may follow which; a terminal state has no successor. */
export const STATUS_TRANSITIONS = {
  queued: ["running", "failed", "canceled", "expired"],
  running: ["queued", "succeeded", "failed", "canceled"],
  succeeded: [],
  failed: [],
  canceled: [],
  expired: [],
} as const satisfies Record<Status, readonly Status[]>;

/** True when a job or frame in this state changes no more. */
export function isTerminal(status: Status): boolean {
  return STATUS_TRANSITIONS[status].length === 0;
}

/**
 * Asserts that a job or frame may go from one state to another; staying is not a transition.
 * @throws {FarmError} internal
 */
export function assertTransition(from: Status, to: Status): void {
  const allowed: readonly Status[] = STATUS_TRANSITIONS[from];
  invariant(allowed.includes(to), `a ${from} job or frame does not become ${to}`);
}
