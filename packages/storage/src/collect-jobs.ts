import { FarmError, isTerminal, type JobId, type JobRecord } from "@latentfarm/contract";
import { listSidecars, readSidecar } from "./job-sidecar.js";
import { jobFolder, jobKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";

/** Which jobs are too old. */
export interface CollectOptions {
  /** Milliseconds that a tenant's ended jobs are kept; undefined keeps them for ever. */
  readonly ageMsOf: (tenant: string) => number | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** True while the queue has work for the job: an ended job may have been told to try its failed frames again. */
  readonly isUnfinished: (id: JobId) => Promise<boolean>;
  /** True only tells what would go. */
  readonly isDryRun: boolean;
  /** Hears of a job whose sidecar cannot be read: it stays. */
  readonly onDamaged: (id: JobId) => void;
}

/** A job that is gone, or would be. */
export interface CollectedJob {
  readonly id: JobId;
  readonly tenant: string;
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
  readonly objects: number;
  /** Bytes. */
  readonly bytes: number;
}

/**
 * Removes the objects of jobs that ended longer ago than their tenant keeps them. A job without a sidecar has not ended,
 * so that it is never looked at. The sidecar goes last: a removal that was cut off is taken up by the next.
 * @throws {FarmError} store_unavailable; what `isUnfinished` throws
 */
export async function* collectJobs(
  store: ObjectStore,
  options: CollectOptions,
): AsyncGenerator<CollectedJob> {
  for await (const id of listSidecars(store)) {
    const job = await readOrTell(store, id, options);
    if (job === undefined || !isTooOld(job, options) || (await options.isUnfinished(id))) continue;
    const objects = [];
    for await (const object of store.list(jobFolder(id))) objects.push(object);
    if (!options.isDryRun) {
      for (const { key } of objects) if (key !== jobKey(id)) await store.delete(key);
      await store.delete(jobKey(id));
    }
    const bytes = objects.reduce((sum, { size }) => sum + size, 0);
    yield { id, tenant: job.tenant, finishedAt: String(job.finished_at), objects: objects.length, bytes };
  }
}

async function readOrTell(
  store: ObjectStore,
  id: JobId,
  { onDamaged }: CollectOptions,
): Promise<JobRecord | undefined> {
  try {
    return await readSidecar(store, id);
  } catch (error) {
    if (!(error instanceof FarmError && error.code === "file_invalid")) throw error;
    onDamaged(id);
    return undefined;
  }
}

function isTooOld(job: JobRecord, { ageMsOf, nowMs }: CollectOptions): boolean {
  const ageMs = ageMsOf(job.tenant);
  if (ageMs === undefined || job.finished_at === null || !isTerminal(job.status)) return false;
  return nowMs - Date.parse(job.finished_at) > ageMs;
}
