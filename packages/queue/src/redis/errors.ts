import { FarmError } from "@latentfarm/contract";
import { CALL_MS_MAX } from "../limits.js";

/** What a script says when a record would make a step that its states do not allow: a bug of ours. */
const TRANSITION_MARK = "FARM_TRANSITION";

/** Answers of a Redis that is there and yet takes nothing: they pass once memory, disk or the failover is done. */
const REFUSALS = [
  "OOM",
  "MISCONF",
  "LOADING",
  "READONLY",
  "BUSY",
  "CLUSTERDOWN",
  "MASTERDOWN",
  "TRYAGAIN",
  "NOREPLICAS",
];

/**
 * Turns what ioredis and BullMQ throw into the farm's error; the only place that knows their errors. Whatever is not
 * a bug of ours means that the queue cannot be used now.
 */
export function translateRedisError(action: string, error: unknown): FarmError {
  if (error instanceof FarmError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.includes(TRANSITION_MARK)) {
    return new FarmError("internal", `Cannot ${action} as the record forbids it: ${message}`, {
      cause: error,
    });
  }
  return new FarmError(
    "queue_unavailable",
    `Cannot ${action} as the queue is unavailable: redis is ${stateOf(error, message)}`,
    {
      cause: error,
    },
  );
}

/**
 * Waits for a call on Redis, but no longer than `CALL_MS_MAX`.
 * @throws {FarmError} queue_unavailable; internal for a transition that the states do not allow.
 */
export async function bounded<T>(action: string, call: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    // The error is made only when it is due: its stack costs more than a call.
    timer = setTimeout(() => reject(new Error(`no answer within ${CALL_MS_MAX} ms`)), CALL_MS_MAX);
  });
  try {
    return await Promise.race([call(), deadline]);
  } catch (error) {
    throw translateRedisError(action, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Codes and messages of a connection that is gone or does not come about. */
const LOSS_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);
const LOSS_MESSAGES = /^(Connection is closed|Reached the max retries|Stream isn't writeable|connect )/;

/** True for what a lost connection throws at everything that uses it; the connection itself tells its loss once. */
export function isConnectionLoss(error: Error): boolean {
  const code = "code" in error ? error.code : undefined;
  return (typeof code === "string" && LOSS_CODES.has(code)) || LOSS_MESSAGES.test(error.message);
}

function stateOf(error: unknown, message: string): string {
  const refusal = REFUSALS.find((word) => message.startsWith(word));
  if (refusal !== undefined) return `refusing (${refusal})`;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code === "string") return `unreachable (${code})`;
  return message.startsWith("no answer") ? `silent (${message})` : "unreachable";
}
