import type { JobRecord } from "@latentfarm/contract";
import { jobRecordKey } from "../keys.js";
import { inTraceOf } from "./in-trace-of.js";
import type { TraceSource } from "./read-places.js";

/** Has the history of an ended job written in the job's own trace, whoever writes it and whichever frame was its last. */
export async function fileInTrace(
  source: TraceSource,
  job: JobRecord,
  file: (job: JobRecord) => Promise<void>,
): Promise<void> {
  const attributes = { "farm.job.id": job.id, "farm.job.status": job.status } as const;
  await inTraceOf(source, jobRecordKey(job.id), () =>
    source.tracing.span("file_job", attributes, () => file(job)),
  );
}
