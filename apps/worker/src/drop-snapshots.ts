import type { JobRecord } from "@latentfarm/contract";
import { type ObjectStore, snapshotKey } from "@latentfarm/storage";
import type { Logger } from "@latentfarm/telemetry";

/**
 * Clears the store of the snapshots that may be left of an ended job: of frames that never came back to a worker which
 * would have cleared them, such as those lost too often, and of attempts that were superseded while they wrote. A
 * frame that succeeded at its first attempt has none. Never rejects.
 */
export async function dropSnapshots(store: ObjectStore, job: JobRecord, log: Logger): Promise<void> {
  const suspects = job.frames.filter(({ status, attempt }) => attempt > (status === "succeeded" ? 1 : 0));
  const deletions = suspects.map(({ index }) => store.delete(snapshotKey(job.id, index)));
  for (const outcome of await Promise.allSettled(deletions)) {
    if (outcome.status === "rejected")
      log.warn({ jobId: job.id, err: outcome.reason }, "snapshot not deleted");
  }
}
