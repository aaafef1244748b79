/**
 * The states of a job and of a frame. A `queued` one waits for a worker; a `running` one has been claimed, and goes
 * back to `queued` when its worker is lost or a try fails and another follows; the other four are terminal. Only a
 * client's retry leads out of one of these: from `failed` to `queued`.
 */
export const STATUSES = ["queued", "running", "succeeded", "failed", "canceled", "expired"] as const;

/** The state of a job or of a frame. */
export type Status = (typeof STATUSES)[number];

/**
 * Which states may follow which, as the queue asserts at each change; a
 * failed one is left by a client's retry alone.
 */
export const STATUS_TRANSITIONS = {
  queued: ["running", "failed", "canceled", "expired"],
  running: ["queued", "succeeded", "failed", "canceled"],
  succeeded: [],
  failed: ["queued"],
  canceled: [],
  expired: [],
} as const satisfies Record<Status, readonly Status[]>;

/** The states in which nothing more happens by itself. */
export const TERMINAL_STATUSES = [
  "succeeded",
  "failed",
  "canceled",
  "expired",
] as const satisfies readonly Status[];

/** True when a job or frame in this state changes no more by itself. */
export function isTerminal(status: Status): boolean {
  const terminal: readonly Status[] = TERMINAL_STATUSES;
  return terminal.includes(status);
}
