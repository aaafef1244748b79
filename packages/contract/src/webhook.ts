import { z } from "zod";
import { wholeBetween } from "./field.js";
import { LIMITS } from "./limits.js";
import { tenantNameSchema } from "./tenant.js";

/** The events that a webhook can be told. Progress and previews are for the event stream. */
export const WEBHOOK_EVENTS = [
  "job.queued",
  "job.started",
  "frame.succeeded",
  "frame.failed",
  "job.succeeded",
  "job.failed",
  "job.canceled",
  "job.expired",
] as const;

/** An event that a webhook can be told. */
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** What a webhook is told that names no events: how the job ended. */
export const WEBHOOK_EVENTS_DEFAULT = [
  "job.succeeded",
  "job.failed",
  "job.canceled",
  "job.expired",
] as const satisfies readonly WebhookEvent[];

/** `webhook` of a submit body. Whether the address may be called is the gateway's and the courier's to say. */
export const webhookRequestSchema = z.strictObject(
  {
    url: z
      .string("must be a string")
      .max(
        LIMITS.webhook_url_chars_max,
        `must be at most ${LIMITS.webhook_url_chars_max} characters (limit webhook_url_chars_max)`,
      )
      .refine((text) => URL.canParse(text), "must be a URL"),
    events: z
      .array(
        z.enum(WEBHOOK_EVENTS, `must be one of ${WEBHOOK_EVENTS.join(", ")}`),
        "must be a list of events",
      )
      .min(1, "must have at least 1 entry")
      .refine((events) => new Set(events).size === events.length, "must name each event once")
      .optional(),
  },
  "must be an object",
);

/** A job's webhook as the queue keeps it. */
export const jobWebhookSchema = z.object({
  endpoint: z.string(),
  url: z.string(),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
});

/** A job's webhook as the queue keeps it. */
export type JobWebhook = z.infer<typeof jobWebhookSchema>;

/** The states of a delivery: `pending` waits for its (next) attempt, `dead` has used up its attempts or its endpoint. */
export const DELIVERY_STATUSES = ["pending", "delivered", "dead"] as const;

/**
 * Why a delivery is dead: its attempts are used up; its endpoint is disabled (`gone`, `failing`) or deleted; its tenant had
 * too many pending ones (limit `webhook_pending_max`) when it was made, so that no attempt was begun.
 */
export const DEAD_REASONS = [
  "attempts_used",
  "endpoint_gone",
  "endpoint_failing",
  "endpoint_deleted",
  "too_many_pending",
] as const;

/** One try at a delivery. */
export const deliveryAttemptSchema = z.object({
  at: z.string(),
  /** The receiver's HTTP status; null when none came. */
  status: z.int().nullable(),
  duration_ms: z.number(),
  /** Why it did not count, in one word of a closed list and a sentence; null when it did. */
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

/** One try at a delivery. */
export type DeliveryAttempt = z.infer<typeof deliveryAttemptSchema>;

/** A delivery: one event of one job on its way to one endpoint. `id` is its `webhook-id`, the same at every attempt. */
export const deliverySchema = z.object({
  id: z.string(),
  job_id: z.string(),
  endpoint: z.string(),
  url: z.string(),
  type: z.enum(WEBHOOK_EVENTS),
  /** The event's id in the job's log: orders the deliveries of a job. */
  sequence: z.int(),
  status: z.enum(DELIVERY_STATUSES),
  /** Null while it is not dead. */
  dead_reason: z.enum(DEAD_REASONS).nullable(),
  created_at: z.string(),
  delivered_at: z.string().nullable(),
  next_attempt_at: z.string().nullable(),
  /** All attempts so far; `attempts` lists the newest of them. */
  attempts_made: z.int(),
  attempts: z.array(deliveryAttemptSchema),
});

/** A delivery. */
export type Delivery = z.infer<typeof deliverySchema>;

/** The body of `GET /v1/jobs/{id}/deliveries` and of `GET /v1/deliveries`. */
export const deliveryListSchema = z.object({
  deliveries: z.array(deliverySchema),
  next_cursor: z.string().nullable(),
});

/** A webhook endpoint: one address of one tenant, with its secret and its health. */
export const endpointSchema = z.object({
  id: z.string(),
  tenant: tenantNameSchema,
  url: z.string(),
  created_at: z.string(),
  /** When a job last named it, to the hour. */
  last_used_at: z.string(),
  /** Why nothing is sent to it any more (`gone`: it answered 410; `failing`: nothing but failures for days); null else. */
  disabled: z.enum(["gone", "failing"]).nullable(),
  /** Until when its circuit is open after failures in a row; null when it is closed. */
  paused_until: z.string().nullable(),
  /** Until when the previous secret still signs beside the new one; null when none does. */
  previous_secret_until: z.string().nullable(),
});

/** A webhook endpoint. */
export type Endpoint = z.infer<typeof endpointSchema>;

/** An endpoint with its signing secret, `whsec_` and base64: for its tenant alone. */
export const endpointSecretSchema = endpointSchema.extend({ secret: z.string() });

/** The body of `POST /v1/webhooks/{id}/rotate`. */
export const rotateRequestSchema = z.strictObject(
  {
    /** Seconds for which the secret of before still signs beside the new one. */
    overlap_seconds: wholeBetween("rotation_overlap_seconds_min", "rotation_overlap_seconds_max").default(
      LIMITS.rotation_overlap_seconds_default,
    ),
  },
  "must be an object",
);

/** The body of `GET /v1/webhooks`. */
export const endpointListSchema = z.object({ endpoints: z.array(endpointSchema) });

/** What every webhook's body has beside its `data`. */
export const webhookEnvelopeSchema = z.object({
  type: z.enum(WEBHOOK_EVENTS),
  timestamp: z.string(),
  sequence: z.int(),
});

/** The body of a webhook request. Source: standardwebhooks.com, "Payload structure"; `sequence` orders a job's events. */
export interface WebhookPayload<Data> {
  readonly type: WebhookEvent;
  /** When the event happened, ISO 8601 in UTC. */
  readonly timestamp: string;
  readonly sequence: number;
  readonly data: Data;
}
