import type { SavedFrame } from "@latentfarm/engine";
import { type FrameWork, SNAPSHOT_BYTES_MAX } from "@latentfarm/queue";
import { type ObjectStore, snapshotKey } from "@latentfarm/storage";
import type { Logger } from "@latentfarm/telemetry";

/** What stands in Redis in the place of a snapshot that lies in the object store; no snapshot begins so. */
const STORED = Buffer.from("in the object store");

/** Keeps the snapshots of one frame where the next attempt finds them. */
export interface SnapshotKeeper {
  /** What an earlier attempt left. A store or queue that is away costs the steps, not the frame. */
  load(): Promise<Uint8Array | undefined>;
  /** Keeps a snapshot in the place of those before it; while the queue is slow, only the newest waits. */
  save(saved: SavedFrame): void;
  /** Resolves when the newest snapshot is kept, or could not be; never rejects. */
  settled(): Promise<void>;
  /** Clears the store once the frame needs no snapshot any more; Redis forgets its own. Never rejects. */
  forget(): Promise<void>;
}

/** What a keeper works with. */
export interface KeeperParts {
  readonly frame: Pick<FrameWork, "jobId" | "index" | "attempt" | "tenant" | "loadSnapshot" | "saveSnapshot">;
  readonly store: ObjectStore;
  readonly log: Logger;
}

/**
 * Makes the keeper of one attempt. A snapshot that Redis takes lies there; a larger one lies in the object store, and
 * Redis says so, since what stands in Redis is fenced: a superseded attempt cannot put its own in the place of a newer
 * one's. It may still replace the object, by an older step of the same frame, which leads to the same picture.
 */
export function createSnapshotKeeper({ frame, store, log }: KeeperParts): SnapshotKeeper {
  const key = snapshotKey(frame.jobId, frame.index);
  const place = { jobId: frame.jobId, index: frame.index, attempt: frame.attempt };
  let stored = false;
  let waiting: SavedFrame | undefined;
  let keeping: Promise<void> | undefined;

  async function keep({ bytes, step }: SavedFrame): Promise<void> {
    if (bytes.length <= SNAPSHOT_BYTES_MAX) return frame.saveSnapshot(bytes, step);
    stored = true;
    await store.put(key, bytes, {
      contentType: "application/octet-stream",
      metadata: { attempt: String(frame.attempt) },
      tags: { tenant: frame.tenant },
    });
    await frame.saveSnapshot(STORED, step);
  }

  async function keepAll(): Promise<void> {
    for (let next = waiting; next !== undefined; next = waiting) {
      waiting = undefined;
      await keep(next).catch((error) => log.warn({ ...place, err: error }, "snapshot not kept"));
    }
    keeping = undefined;
  }

  return {
    load: async () => {
      try {
        const bytes = await frame.loadSnapshot();
        stored = bytes !== undefined && Buffer.compare(bytes, STORED) === 0;
        return stored ? (await store.get(key))?.bytes : bytes;
      } catch (error) {
        log.warn({ ...place, err: error }, "snapshot not found, frame begins anew");
        return undefined;
      }
    },
    save: (saved) => {
      waiting = saved;
      keeping ??= keepAll();
    },
    settled: async () => keeping,
    forget: async () => {
      await keeping;
      if (!stored) return;
      await store.delete(key).catch((error) => log.warn({ ...place, err: error }, "snapshot not deleted"));
    },
  };
}
