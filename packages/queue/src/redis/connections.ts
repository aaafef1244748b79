import { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { CALL_MS_MAX, RECONNECT_MS_MAX } from "../limits.js";

/** Milliseconds that are added to the wait before each further try to reconnect. */
const RECONNECT_STEP_MS = 50;

/** Which rules a connection follows. */
export type ConnectionKind = "commands" | "signals" | "worker";

/** What a connection is opened with. */
export interface ConnectionOptions {
  readonly kind: ConnectionKind;
  readonly log: QueueLog;
  /** Once it aborts, a connection that is lost stays lost; else the tries would keep the process alive. */
  readonly closing: AbortSignal;
}

/**
 * Opens a connection that comes back by itself. `commands` fail within `CALL_MS_MAX`, so that a caller is answered;
 * a `worker` connection waits for Redis however long it is away, as BullMQ demands; `signals` only listens.
 */
export function openConnection(redisUrl: string, options: ConnectionOptions): Redis {
  const { kind, log, closing } = options;
  const redis = new Redis(redisUrl, {
    lazyConnect: false,
    retryStrategy: (tries) =>
      closing.aborted ? null : Math.min(tries * RECONNECT_STEP_MS, RECONNECT_MS_MAX),
    maxRetriesPerRequest: kind === "commands" ? 1 : null,
    ...(kind === "commands" ? { commandTimeout: CALL_MS_MAX } : {}),
    connectTimeout: CALL_MS_MAX,
  });
  let lost = false;
  // Each failed try is an "error" event; one line for the loss and one for the return say as much.
  redis.on("error", (error: Error) => {
    if (!lost) log.warn({ connection: kind, reason: error.message }, "queue connection failed");
    lost = true;
  });
  redis.on("close", () => {
    lost = true;
  });
  redis.on("ready", () => {
    if (lost) log.info({ connection: kind }, "queue connection is back");
    lost = false;
  });
  return redis;
}
