import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import type { RandomBytes } from "./key-secret.js";

/** What the calls on keys and tenants share. */
export interface AccessContext {
  readonly redis: Redis;
  readonly log: QueueLog;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly random: RandomBytes;
  /**
   * A text that no change had before. A count would not do: a Redis that crashed and lost its last second counts anew,
   * and a process could take a later change for the one it has seen.
   */
  readonly newVersion: () => string;
}
