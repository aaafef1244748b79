import type { JobRecord } from "@latentfarm/contract";
import { jobRecordKey } from "../keys.js";
import { readPlaces, type TraceSource } from "./read-places.js";

/** Has the history of an ended job written in the job's own trace, whoever writes it and whichever frame was its last. */
export async function fileInTrace(
  source: TraceSource,
  job: JobRecord,
  file: (job: JobRecord) => Promise<void>,
): Promise<void> {
  const { tracing } = source;
  const key = jobRecordKey(job.id);
  const place = tracing.read((await readPlaces(source, [key])).get(key) ?? "") ?? tracing.root();
  const attributes = { "farm.job.id": job.id, "farm.job.status": job.status } as const;
  await tracing.with(place, () => tracing.span("file_job", attributes, () => file(job)));
}
