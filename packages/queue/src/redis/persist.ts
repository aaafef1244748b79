import { setTimeout as delay } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import { PERSIST_MS_MAX, PERSIST_RETRY_MS } from "../limits.js";

/**
 * Repeats a call while Redis is away: what an attempt has to say is worth more than a prompt failure, since a picture
 * hangs on it. After `PERSIST_MS_MAX`, or once the signal aborts, the last failure stands.
 * @throws {FarmError} whatever the call throws, queue_unavailable included
 */
export async function persist<T>(call: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const deadline = performance.now() + PERSIST_MS_MAX;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const away = error instanceof FarmError && error.code === "queue_unavailable";
      if (!away || signal.aborted || performance.now() >= deadline) throw error;
    }
    await delay(PERSIST_RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}
