import type { JobEvent, WireEvent } from "./events.js";
import type { JobId } from "./ids.js";
import type { Frame, FrameRecord, Job, JobHead, JobRecord, JobSummary } from "./job.js";
import { LIMITS } from "./limits.js";

/** The path of a job. */
export function jobPath(id: JobId): string {
  return `/v1/jobs/${id}`;
}

/**
 * A job as clients see it: object keys become paths on the gateway, and of its frames there are the first
 * `job_frames_shown_max`. `base` stands before each path, such as `https://farm.example`.
 */
export function jobToWire(record: JobRecord, base = ""): Job {
  const { frames: known, ...head } = record;
  const frames = framesToWire(record.id, known.slice(0, LIMITS.job_frames_shown_max), base);
  const behind = (frames.at(-1)?.index ?? -1) + 1;
  const next = behind < record.progress.frames ? String(behind) : null;
  return { ...jobToSummary(head, base), frames, frames_next_cursor: next };
}

/** Frames of a job as clients see them. */
export function framesToWire(id: JobId, frames: readonly FrameRecord[], base = ""): Frame[] {
  return frames.map((frame) => frameToWire(id, frame, base));
}

/** A job as a list shows it. */
export function jobToSummary(record: JobHead, base = ""): JobSummary {
  const { tenant: _tenant, webhook, ...shown } = record;
  const { metadata, ...params } = record.params;
  const self = `${base}${jobPath(record.id)}`;
  return {
    ...shown,
    params,
    metadata,
    webhook: webhook === null ? null : { url: webhook.url, events: webhook.events },
    urls: {
      self,
      events: `${self}/events`,
      frames: `${self}/frames`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      deliveries: `${self}/deliveries`,
    },
  };
}

/** An event as clients see it: a succeeded frame carries the frame with its path. */
export function eventToWire(event: JobEvent): WireEvent {
  if (event.type !== "frame.succeeded") return event;
  const result = event.data;
  const { index, seed, attempt } = result;
  const record: FrameRecord = { index, seed, status: "succeeded", attempt, result, error: null };
  return { ...event, data: frameToWire(event.job_id, record, "") };
}

/** One literal: spreading parts of each of 10,000 frames held the event loop for 30 ms, this does for 1. */
function frameToWire(jobId: JobId, record: FrameRecord, base: string): Frame {
  const { result } = record;
  return {
    index: record.index,
    seed: record.seed,
    status: record.status,
    attempt: record.attempt,
    url: result === null ? null : `${base}${jobPath(jobId)}/frames/${result.index}`,
    width: result?.width ?? null,
    height: result?.height ?? null,
    format: result?.format ?? null,
    bytes: result?.bytes ?? null,
    sha256: result?.sha256 ?? null,
    worker: result?.worker ?? null,
    plan: result?.plan ?? null,
    resumed_from_step: result === null ? null : (result.resumed_from_step ?? 0),
    provenance: result?.provenance ?? null,
    timings: result?.timings ?? null,
    notes: result?.notes ?? [],
    error: record.error,
  };
}
