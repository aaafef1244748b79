import {
  type Job,
  type JobRecord,
  jobToWire,
  LIMITS,
  type WebhookEvent,
  type WebhookPayload,
} from "@latentfarm/contract";

/** An event that a body is made of. */
export interface OutboxEvent {
  readonly type: WebhookEvent;
  readonly sequence: number;
  /** When it happened, milliseconds since 1970. */
  readonly atMs: number;
  /** The frame that it is about; undefined for an event of the whole job. */
  readonly frame: number | undefined;
}

/**
 * The body of an event's webhook: the job as it is now, which may be further on than the event. An event of a frame lists
 * that frame alone, an event of the job the first `webhook_frames_max`; the rest is fetched by `urls.self`.
 */
export function webhookBody(event: OutboxEvent, job: JobRecord, publicUrl: string): string {
  const frames =
    event.frame === undefined
      ? job.frames.slice(0, LIMITS.webhook_frames_max)
      : job.frames.filter(({ index }) => index === event.frame);
  const payload: WebhookPayload<Job> = {
    type: event.type,
    timestamp: new Date(event.atMs).toISOString(),
    sequence: event.sequence,
    data: jobToWire({ ...job, frames }, publicUrl),
  };
  return JSON.stringify(payload);
}
