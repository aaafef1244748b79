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
 * that frame alone, an event of the job the first `webhook_frames_max`, and long prompts are cut to
 * `webhook_prompt_chars_max`; the rest is fetched by `urls.self`.
 */
export function webhookBody(event: OutboxEvent, job: JobRecord, publicUrl: string): string {
  const frames =
    event.frame === undefined
      ? job.frames.slice(0, LIMITS.webhook_frames_max)
      : job.frames.filter(({ index }) => index === event.frame);
  const { prompt, negative_prompt } = job.params;
  const params = { ...job.params, prompt: cut(prompt), negative_prompt: cut(negative_prompt) };
  const payload: WebhookPayload<Job> = {
    type: event.type,
    timestamp: new Date(event.atMs).toISOString(),
    sequence: event.sequence,
    data: jobToWire({ ...job, params, frames }, publicUrl),
  };
  return JSON.stringify(payload);
}

/** The first half of a pair of surrogates whose second half is cut off. */
const HALF_CHARACTER = /[\uD800-\uDBFF]$/;

/** The beginning of a prompt, without half a character at its end. */
function cut(prompt: string): string {
  return prompt.slice(0, LIMITS.webhook_prompt_chars_max).replace(HALF_CHARACTER, "");
}
