/**
 * The states of a job and of a frame. A `queued` one waits for a worker; a `running` one has been claimed, and goes
 * back to `queued` when its worker is lost or a try fails and another follows; the other four are terminal.
 */
export const STATUSES = ["queued", "running", "succeeded", "failed", "canceled", "expired"] as const;

/** The state of a job or of a frame. */
export type Status = (typeof STATUSES)[number];

/** Which states may follow which, as the queue asserts at each change; a terminal state has no successor. */
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
