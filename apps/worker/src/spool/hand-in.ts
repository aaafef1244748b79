import { setTimeout as delay } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import { jobIdOf, type ObjectStore } from "@latentfarm/storage";
import { createPatientStore, isAway, type Patience } from "../patient-store.js";
import { RESULT_LABELS } from "../stored-result.js";
import type { PictureSpool, SpooledPicture } from "./picture-spool.js";

/** Milliseconds between looks at what an earlier worker of this machine has left. */
const LEFTOVERS_MS = 30_000;

/** Milliseconds that a put may take before its picture lies on the disk as well: ten times a usual one. */
const PATIENCE_MS = 5_000;

/** What handing in works with. */
export interface HandInParts {
  readonly store: ObjectStore;
  readonly spool: PictureSpool;
}

/**
 * Puts a picture into the store. While the store is away the picture lies in the spool as well: whatever becomes of this
 * worker, the attempt that follows on this machine finds it there and draws nothing. When this returns, the store has
 * it: only then may the frame count as done.
 * @throws {FarmError} interrupted the store stays away, or the worker stops; canceled
 */
export async function handIn(
  { store, spool }: HandInParts,
  picture: SpooledPicture,
  patience: Patience,
): Promise<void> {
  const { key, bytes, info } = picture;
  const { signal, log, place } = patience;
  let keeping: Promise<boolean> | undefined;
  const keep = (): Promise<boolean> => {
    keeping ??= spool.keep(picture);
    return keeping;
  };
  // A store may also be silent, for longer than a worker that is told to stop has time.
  const timer = setTimeout(keep, PATIENCE_MS);
  signal.addEventListener("abort", keep, { once: true });
  try {
    await store.put(key, bytes, info);
  } catch (error) {
    if (!isAway(error)) throw error;
    const isKept = await keep();
    log.warn({ ...place, err: error, isKept }, "store is away, picture waits on this disk");
    await handInWaiting({ store, spool }, picture, patience);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", keep);
    await keeping;
  }
  await spool.drop(key);
}

async function handInWaiting(
  { store, spool }: HandInParts,
  { key, bytes, info }: SpooledPicture,
  patience: Patience,
): Promise<void> {
  try {
    await createPatientStore(store, patience).put(key, bytes, info);
  } catch (error) {
    // Nobody wants the picture of a canceled frame; of any other end, the next attempt does.
    if (error instanceof FarmError && error.code === "canceled") await spool.drop(key);
    throw error;
  }
}

/**
 * Hands in, until the signal aborts, what lies in the spool: pictures of workers that have ended while their store was
 * away. The frame's next attempt, on whichever machine, finds the picture in the store then. Never rejects.
 */
export async function handInLeftovers(parts: HandInParts, patience: Patience): Promise<void> {
  const { signal, log } = patience;
  while (!signal.aborted) {
    for (const key of await parts.spool.waiting()) {
      if (signal.aborted) return;
      const place = { jobId: jobIdOf(key), key };
      try {
        await handInLeftover(parts, key);
        log.info(place, "picture of the spool is in the store");
      } catch (error) {
        log.warn({ ...place, err: error }, "picture of the spool waits on");
        break;
      }
    }
    await delay(LEFTOVERS_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** A picture that another attempt has stored meanwhile stays as it is: its frame may be done with it. */
async function handInLeftover({ store, spool }: HandInParts, key: string): Promise<void> {
  const picture = await spool.read(key);
  if (picture === undefined) return;
  const stored = await store.head(key);
  const label = RESULT_LABELS.paramsHash;
  if (stored?.metadata[label] !== picture.info.metadata[label]) {
    await store.put(key, picture.bytes, picture.info);
  }
  await spool.drop(key);
}
