import type { JobRecord } from "@latentfarm/contract";
import { jobKey, type ObjectStore } from "@latentfarm/storage";

/** Spaces per level: a person opens this file. */
const INDENT = 2;

/**
 * Writes the ended job beside its pictures, so that its history outlives Redis. Writing it twice changes nothing.
 * @throws {FarmError} store_unavailable
 */
export async function writeSidecar(store: ObjectStore, job: JobRecord): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify(job, undefined, INDENT)}\n`);
  await store.put(jobKey(job.id), bytes, {
    contentType: "application/json",
    metadata: { status: job.status },
  });
}
