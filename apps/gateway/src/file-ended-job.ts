import type { JobRecord } from "@latentfarm/contract";
import type { QueueLog } from "@latentfarm/queue";
import { type ObjectStore, snapshotKey, writeSidecar } from "@latentfarm/storage";

/** Snapshots that are deleted at once: a job has up to 10,000 frames, and a disk no use for so many open files. */
const DELETIONS_AT_ONCE = 16;

/**
 * Files a job that has ended: its history beside its pictures, and nothing half-done left. Twice is once.
 * @throws {FarmError} store_unavailable the history is not written: whoever keeps the farm comes again
 */
export async function fileEndedJob(
  { store, log }: { readonly store: ObjectStore; readonly log: QueueLog },
  job: JobRecord,
): Promise<void> {
  await writeSidecar(store, job);
  // A frame that was interrupted and then ended while it waited is never with a worker again, which would clear it.
  const left = job.frames.filter(({ status, attempt }) => status !== "succeeded" && attempt > 0);
  for (let start = 0; start < left.length; start += DELETIONS_AT_ONCE) {
    const part = left.slice(start, start + DELETIONS_AT_ONCE);
    const deletions = part.map(({ index }) => store.delete(snapshotKey(job.id, index)));
    const failed = (await Promise.allSettled(deletions)).find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") {
      log.warn({ jobId: job.id, err: failed.reason }, "snapshots not deleted");
      return;
    }
  }
}
