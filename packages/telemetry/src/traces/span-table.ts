/** The processes that make spans. */
export type SpanProcess = "gateway" | "worker" | "courier";

/** One kind of span as the table has it. */
export interface SpanSpec {
  /** As the collector sees it; braces stand for a value of a closed set. */
  readonly title: string;
  /** OpenTelemetry's. */
  readonly kind: "internal" | "server" | "client" | "producer" | "consumer";
  readonly from: readonly SpanProcess[];
  /** The span that it hangs below, in words. */
  readonly below: string;
  /** A phrase without a full stop. */
  readonly what: string;
}

/** Every span of the farm. docs/traces.md is written from it. */
export const SPANS = {
  request: {
    title: "{method} {route}",
    kind: "server",
    from: ["gateway"],
    below: "the client's span, if it sent `traceparent`",
    what: "a request, from its arrival to the end of its answer; none for probes and scrapes",
  },
  submit: {
    title: "submit job",
    kind: "producer",
    from: ["gateway"],
    below: "the request",
    what: "the job is taken into Redis; all else of the job hangs below it",
  },
  wait: {
    title: "wait in queue",
    kind: "internal",
    from: ["worker"],
    below: "`submit job`",
    what: "a frame from its job's creation to its first claim",
  },
  process_frame: {
    title: "process frame",
    kind: "consumer",
    from: ["worker"],
    below: "`submit job`",
    what: "one attempt at a frame, from the claim to what became of it",
  },
  find: {
    title: "find picture",
    kind: "internal",
    from: ["worker"],
    below: "`process frame`",
    what: "the look for what an earlier attempt has stored",
  },
  render: {
    title: "render frame",
    kind: "internal",
    from: ["worker"],
    below: "`process frame`",
    what: "the engine has the frame",
  },
  text: {
    title: "encode text",
    kind: "internal",
    from: ["worker"],
    below: "`render frame`",
    what: "from the first text encoder to the end of the last",
  },
  steps: {
    title: "run steps",
    kind: "internal",
    from: ["worker"],
    below: "`render frame`",
    what: "from the first step to the last, with links to the step batches that the frame was in",
  },
  batches: {
    title: "step batches",
    kind: "internal",
    from: ["worker"],
    below: "`render frame` of the first of its frames that is traced",
    what: "calls of the denoiser one after the other with the same frames, with a link to each frame's `render frame`",
  },
  decode: {
    title: "decode latent",
    kind: "internal",
    from: ["worker"],
    below: "`render frame`",
    what: "the VAE",
  },
  encode: {
    title: "encode picture",
    kind: "internal",
    from: ["worker"],
    below: "`process frame`",
    what: "PNG, JPEG or WebP",
  },
  upload: {
    title: "upload picture",
    kind: "internal",
    from: ["worker"],
    below: "`process frame`",
    what: "until the store has the picture, waits for a store that is away included",
  },
  store: {
    title: "{operation} object",
    kind: "client",
    from: ["gateway", "worker"],
    below: "whatever asked for it",
    what: "one call of the object store",
  },
  commit: {
    title: "commit frame",
    kind: "internal",
    from: ["worker"],
    below: "`process frame`",
    what: "the result is written into the queue; with it the frame is done",
  },
  file_job: {
    title: "file job",
    kind: "internal",
    from: ["gateway", "worker"],
    below: "`submit job`",
    what: "the history of an ended job is written beside its pictures",
  },
  file_delivery: {
    title: "file delivery",
    kind: "producer",
    from: ["courier"],
    below: "`submit job`",
    what: "an event of the job becomes a webhook's delivery",
  },
  process_delivery: {
    title: "process delivery",
    kind: "consumer",
    from: ["courier"],
    below: "`file delivery`",
    what: "one turn of a delivery",
  },
  post: {
    title: "POST",
    kind: "client",
    from: ["courier"],
    below: "`process delivery`",
    what: "one attempt at a webhook's receiver",
  },
} as const satisfies Record<string, SpanSpec>;

/** A span of the table. */
export type SpanName = keyof typeof SPANS;

/**
 * Every attribute of the farm's spans. Ids, counts and words of closed sets; nothing that a client wrote, no tenant's name
 * and no address.
 */
export const ATTRIBUTES = {
  "http.request.method": "the method; `_OTHER` for one that HTTP does not know",
  "http.route": "the template of the path, such as `/v1/jobs/:id`",
  "http.response.status_code": "the answer's status; absent when the client went away",
  "url.scheme": "`http`: what the gateway itself speaks",
  "error.type": "the farm's error code, or the status from 500 on",
  "messaging.system": "`bullmq`",
  "messaging.operation.type": "`send` or `process`",
  "messaging.destination.name": "`frames` or `deliveries`",
  "farm.job.id": "the job",
  "farm.job.frames": "its frames",
  "farm.job.status": "how it ended",
  "farm.model": "the model's name",
  "farm.tenant.class": "`default` or `keyed`",
  "farm.frame.index": "the frame, from 0",
  "farm.frame.attempt": "the attempt, from 1",
  "farm.frame.steps": "steps that it has",
  "farm.frame.resumed_from_step": "steps that were taken over from a snapshot",
  "farm.frame.outcome": "`drawn`, `found`, or the error code that ended the attempt",
  "farm.worker.id": "the worker",
  "farm.plan": "how the engine computes",
  "farm.batch.calls": "calls of the denoiser in this span",
  "farm.batch.busy_ms": "milliseconds that they took; the rest of the span went to other frames",
  "farm.batch.rows": "rows of each call",
  "farm.batch.frames": "frames of each call, those that are not traced included",
  "farm.batch.cap": "rows that the last call could have had",
  "farm.batch.limit": "why it had no more",
  "farm.batch.class": "variant, latent size and text length",
  "farm.batch.outcome": "`ok`, `out_of_memory` or `failed`",
  "farm.picture.format": "`png`, `jpeg` or `webp`",
  "farm.picture.bytes": "its size",
  "farm.store.operation": "`put`, `get`, `head`, `delete` or `identify`",
  "farm.store.outcome": "`ok`, `unavailable` or `failed`",
  "farm.delivery.id": "the delivery, as the receiver sees it in `webhook-id`",
  "farm.delivery.attempt": "the attempt, from 1",
  "farm.delivery.event": "the event's type",
} as const;

/** An attribute of the table. */
export type AttributeName = keyof typeof ATTRIBUTES;

/** Attributes of one span. */
export type SpanAttributes = Readonly<Partial<Record<AttributeName, string | number | boolean | undefined>>>;

/**
 * Frames of a job that are traced, the first ones: a job of 10,000 would make 100,000 spans that nobody reads. Of the
 * others the log's lines carry the trace id.
 */
export const FRAMES_TRACED_MAX = 32;
