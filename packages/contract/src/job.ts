import { z } from "zod";
import { ERROR_TRAITS, type ErrorCode } from "./errors.js";
import { isJobId, type JobId } from "./ids.js";
import { jobParamsSchema, metadataSchema, OUTPUT_FORMATS } from "./params.js";
import { provenanceSchema } from "./picture-record.js";
import { precisionPlanSchema } from "./plan.js";
import { STATUSES } from "./states.js";
import { TENANT_DEFAULT, tenantNameSchema } from "./tenant.js";
import { jobWebhookSchema } from "./webhook.js";

/** A job id; the brand is the proof that its form was checked. */
export const jobIdSchema = z
  .custom<JobId>((value) => typeof value === "string" && isJobId(value), "must be a job id")
  .meta({ type: "string" });

/** A state of a job or frame. */
export const statusSchema = z.enum(STATUSES);

/** A stable error code. */
export const errorCodeSchema = z
  .custom<ErrorCode>(
    (value) => typeof value === "string" && Object.hasOwn(ERROR_TRAITS, value),
    "must be an error code",
  )
  .meta({ type: "string", enum: Object.keys(ERROR_TRAITS) });

/** Why a job or frame failed, safe to show: the code is stable, the message holds no prompt and no secret. */
export const failureSchema = z.object({ code: errorCodeSchema, message: z.string() });

/** Why a job or frame failed. */
export type Failure = z.infer<typeof failureSchema>;

/** Milliseconds that the phases of one frame took. */
export const timingsSchema = z.object({
  queue_ms: z.number(),
  text_ms: z.number(),
  steps_ms: z.number(),
  vae_ms: z.number(),
  encode_ms: z.number(),
  upload_ms: z.number(),
  total_ms: z.number(),
});

/** Milliseconds that the phases of one frame took. */
export type FrameTimings = z.infer<typeof timingsSchema>;

/** What a worker reports of a finished frame; `key` names the stored picture. */
export const frameResultSchema = z.object({
  index: z.int(),
  seed: z.string(),
  key: z.string(),
  width: z.int(),
  height: z.int(),
  format: z.enum(OUTPUT_FORMATS),
  bytes: z.int(),
  /** Hexadecimal SHA-256 of the stored bytes. */
  sha256: z.string(),
  worker: z.string(),
  /** How the engine that finished the frame computes. */
  plan: precisionPlanSchema,
  attempt: z.int(),
  /** Steps that an earlier attempt or engine had done, and that were not drawn again; absent for none. */
  resumed_from_step: z.int().optional(),
  /** Absent in results from before it was kept. */
  provenance: provenanceSchema.optional(),
  timings: timingsSchema,
  /** What the reader should know, such as a prompt cut into several chunks. */
  notes: z.array(z.string()).optional(),
});

/** What a worker reports of a finished frame. */
export type FrameResult = z.infer<typeof frameResultSchema>;

/** A frame as the queue keeps it; the fields of the result are null until it has succeeded. */
export const frameRecordSchema = z.object({
  index: z.int(),
  seed: z.string(),
  status: statusSchema,
  /** Tries so far, the present one included; 0 before the first. */
  attempt: z.int(),
  result: frameResultSchema.nullable(),
  error: failureSchema.nullable(),
});

/** A frame as the queue keeps it. */
export type FrameRecord = z.infer<typeof frameRecordSchema>;

/** How far a job is: steps over all its frames, and frames in a terminal state. */
export const progressSchema = z.object({
  step: z.int(),
  steps: z.int(),
  frames_done: z.int(),
  frames: z.int(),
});

/** A job as the queue keeps it: the wire form without URLs. Times are ISO 8601 in UTC. */
export const jobRecordSchema = z.object({
  id: jobIdSchema,
  /** Whose job it is; the sidecars of jobs from before there were tenants name none. */
  tenant: tenantNameSchema.default(TENANT_DEFAULT),
  status: statusSchema,
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  model: z.string(),
  params: jobParamsSchema,
  progress: progressSchema,
  /** When it expires unless its first frame has started; null when it waits for ever. */
  start_before: z.string().nullable().default(null),
  /** Megapixel-steps of all its frames. */
  cost: z.number().default(0),
  /** Frames that are expected to go before this job's first queued frame; null when none is queued. */
  position: z.int().nullable(),
  /** Expected seconds until the job ends, from the cost ahead and the measured rate; null when unknown or ended. */
  eta_seconds: z.number().nullable(),
  /** The band that nine of ten outcomes fall into. */
  eta_low_seconds: z.number().nullable().default(null),
  eta_high_seconds: z.number().nullable().default(null),
  frames: z.array(frameRecordSchema),
  error: failureSchema.nullable(),
  webhook: jobWebhookSchema.nullable().default(null),
});

/** A job as the queue keeps it. */
export type JobRecord = z.infer<typeof jobRecordSchema>;

/** A frame as clients see it: the result's fields lie flat and are null until it has succeeded. */
export const frameSchema = z.object({
  index: z.int(),
  seed: z.string(),
  status: statusSchema,
  attempt: z.int(),
  /** Where the picture is, as a path on this gateway. */
  url: z.string().nullable(),
  width: z.int().nullable(),
  height: z.int().nullable(),
  format: z.enum(OUTPUT_FORMATS).nullable(),
  bytes: z.int().nullable(),
  sha256: z.string().nullable(),
  worker: z.string().nullable(),
  plan: precisionPlanSchema.nullable(),
  /** Steps that were taken over from an interrupted attempt; 0 when it was drawn in one go. */
  resumed_from_step: z.int().nullable(),
  /** What ran, over which weights and in how large a batch; null as well in results from before it was kept. */
  provenance: provenanceSchema.nullable(),
  timings: timingsSchema.nullable(),
  notes: z.array(z.string()),
  error: failureSchema.nullable(),
});

/** A frame as clients see it. */
export type Frame = z.infer<typeof frameSchema>;

/** A job as the queue keeps it, without its frames, which a job of thousands has. */
export const jobHeadSchema = jobRecordSchema.omit({ frames: true });

/** A job as the queue keeps it, without its frames. */
export type JobHead = z.infer<typeof jobHeadSchema>;

/** A job as clients see it. */
export const jobSchema = jobRecordSchema.omit({ tenant: true }).extend({
  params: jobParamsSchema.omit({ metadata: true }),
  /** The first `job_frames_shown_max` in an answer, `webhook_frames_max` or the event's own in a webhook. */
  frames: z.array(frameSchema),
  /** The cursor at `urls.frames` of those behind the last one listed; null when there are none. */
  frames_next_cursor: z.string().nullable(),
  metadata: metadataSchema,
  webhook: jobWebhookSchema.omit({ endpoint: true }).nullable(),
  urls: z.object({
    self: z.string(),
    events: z.string(),
    frames: z.string(),
    cancel: z.string(),
    retry: z.string(),
    deliveries: z.string(),
  }),
});

/** A job as clients see it. */
export type Job = z.infer<typeof jobSchema>;

/** A job as a list shows it: without its frames, which a job of thousands has. */
export const jobSummarySchema = jobSchema.omit({ frames: true, frames_next_cursor: true });

/** A job as a list shows it. */
export type JobSummary = z.infer<typeof jobSummarySchema>;

/** The body of `GET /v1/jobs/{id}/frames`, by index; `next_cursor` is null on the last page. */
export const frameListSchema = z.object({
  frames: z.array(frameSchema),
  next_cursor: z.string().nullable(),
});

/** The body of `GET /v1/jobs`, newest first; `next_cursor` is null on the last page. */
export const jobListSchema = z.object({
  jobs: z.array(jobSummarySchema),
  next_cursor: z.string().nullable(),
});
