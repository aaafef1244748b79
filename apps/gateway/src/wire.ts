import type {
  Frame,
  FrameRecord,
  FrameResult,
  Job,
  JobEvent,
  JobId,
  JobRecord,
  WireEvent,
} from "@latentfarm/contract";

/** The path of a job. */
export function jobPath(id: JobId): string {
  return `/v1/jobs/${id}`;
}

/** A job as clients see it: object keys become paths on this gateway. */
export function jobToWire(record: JobRecord): Job {
  const { metadata, ...params } = record.params;
  const self = jobPath(record.id);
  return {
    ...record,
    params,
    frames: record.frames.map((frame) => frameToWire(record.id, frame)),
    metadata,
    urls: { self, events: `${self}/events`, cancel: `${self}/cancel` },
  };
}

/** An event as clients see it: a succeeded frame carries the frame with its path. */
export function eventToWire(event: JobEvent): WireEvent {
  if (event.type !== "frame.succeeded") return event;
  const result = event.data;
  const { index, seed, attempt } = result;
  const record: FrameRecord = { index, seed, status: "succeeded", attempt, result, error: null };
  return { ...event, data: frameToWire(event.job_id, record) };
}

function frameToWire(jobId: JobId, record: FrameRecord): Frame {
  const { index, seed, status, attempt, result, error } = record;
  return { index, seed, status, attempt, ...pictureToWire(jobId, result), error };
}

function pictureToWire(
  jobId: JobId,
  result: FrameResult | null,
): Omit<Frame, "index" | "seed" | "status" | "attempt" | "error"> {
  return {
    url: result === null ? null : `${jobPath(jobId)}/frames/${result.index}`,
    width: result?.width ?? null,
    height: result?.height ?? null,
    format: result?.format ?? null,
    bytes: result?.bytes ?? null,
    sha256: result?.sha256 ?? null,
    worker: result?.worker ?? null,
    plan: result?.plan ?? null,
    resumed_from_step: result === null ? null : (result.resumed_from_step ?? 0),
    timings: result?.timings ?? null,
    notes: result?.notes ?? [],
  };
}
