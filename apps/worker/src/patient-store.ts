import { setTimeout as delay } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import type { ObjectStore } from "@latentfarm/storage";
import type { Logger } from "@latentfarm/telemetry";

/** Milliseconds before a store that is away is asked again; doubles up to the second figure. */
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;

/** Milliseconds that a frame waits for its store: a full disk or a lost mount is mended by a person. */
export const STORE_AWAY_MS_MAX = 600_000;

/** How a frame waits for its store. */
export interface Patience {
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, "info" | "warn">;
  /** What log lines name. */
  readonly place: Readonly<Record<string, unknown>>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * The same store, each of whose calls is repeated while the store is away: a picture that is drawn is worth more than a
 * prompt failure. The frame keeps its place in the worker meanwhile, so that no more frames are taken than are in
 * flight at once. After `STORE_AWAY_MS_MAX` the frame is given back as `interrupted`, which burns no try.
 */
export function createPatientStore(store: ObjectStore, patience: Patience): ObjectStore {
  return {
    put: (key, bytes, info) => persist(() => store.put(key, bytes, info), patience),
    get: (key) => persist(() => store.get(key), patience),
    head: (key) => persist(() => store.head(key), patience),
    delete: (key) => persist(() => store.delete(key), patience),
    // A listing is a person's, who sees it fail; a signed URL asks the store nothing.
    list: (folder) => store.list(folder),
    sign: (key, answer) => store.sign(key, answer),
    identify: () => persist(() => store.identify(), patience),
  };
}

/** @throws {FarmError} interrupted it stays away; what the store throws else; the signal's reason */
async function persist<Result>(call: () => Promise<Result>, patience: Patience): Promise<Result> {
  const { signal, log, place, nowMs, sleep = sleepFor } = patience;
  let awaySinceMs: number | undefined;
  for (let retryMs = RETRY_MS_MIN; ; retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)) {
    try {
      const result = await call();
      if (awaySinceMs !== undefined) {
        log.info({ ...place, awayMs: nowMs() - awaySinceMs }, "store answers again");
      }
      return result;
    } catch (error) {
      if (!isAway(error)) throw error;
      signal.throwIfAborted();
      if (awaySinceMs === undefined) log.warn({ ...place, err: error }, "store is away, frame waits for it");
      awaySinceMs ??= nowMs();
      if (nowMs() - awaySinceMs >= STORE_AWAY_MS_MAX) throw givenUp(error);
    }
    await sleep(retryMs, signal);
    signal.throwIfAborted();
  }
}

/** True for the failure of a store that may be back later. */
export function isAway(error: unknown): error is FarmError {
  return error instanceof FarmError && error.code === "store_unavailable";
}

function givenUp(cause: FarmError): FarmError {
  const message = `Cannot finish the frame as its store stays away: wait is ${STORE_AWAY_MS_MAX} ms`;
  return new FarmError("interrupted", message, { cause });
}

async function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  // Aborted is not failed here: the caller throws the signal's own reason.
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
