import { FarmError, type JobId, type JobRecord, jobRecordSchema } from "@latentfarm/contract";
import { JOBS_FOLDER, jobIdOf, jobKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";

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
    tags: { tenant: job.tenant },
  });
}

/**
 * Reads the job that a sidecar tells of, or gives undefined when there is none.
 * @throws {FarmError} file_invalid it tells of no job; store_unavailable
 */
export async function readSidecar(store: ObjectStore, id: JobId): Promise<JobRecord | undefined> {
  const object = await store.get(jobKey(id));
  if (object === undefined) return undefined;
  try {
    return jobRecordSchema.parse(JSON.parse(new TextDecoder().decode(object.bytes)));
  } catch (cause) {
    throw new FarmError("file_invalid", `Cannot read ${jobKey(id)} as a job: its content is wrong`, {
      cause,
    });
  }
}

/**
 * The ids of all jobs that have a sidecar, in no order: the history of a farm whose Redis is lost. It reads the names
 * of every object of every job, so that it is for a person's command and not for a request.
 * @throws {FarmError} store_unavailable
 */
export async function* listSidecars(store: ObjectStore): AsyncGenerator<JobId> {
  for await (const { key } of store.list(JOBS_FOLDER)) {
    const id = jobIdOf(key);
    if (id !== undefined && key === jobKey(id)) yield id;
  }
}
