import { z } from "zod";
import { jobParamsSchema } from "./params.js";

/** When something will be done: the expected seconds from now, and the band that nine of ten outcomes fall into. */
export const etaSchema = z.object({
  seconds: z.number(),
  low_seconds: z.number(),
  high_seconds: z.number(),
});

/** When something will be done, in seconds from now. */
export type Eta = z.infer<typeof etaSchema>;

/** The answer to `POST /v1/jobs?dry_run=true`: what the job would cost and when it would be done; nothing is queued. */
export const dryRunSchema = z.object({
  dry_run: z.literal(true),
  model: z.string(),
  params: jobParamsSchema.omit({ metadata: true }),
  /** Megapixel-steps of all frames: width x height / 10^6 x steps x frames. */
  cost: z.number(),
  frames: z.int(),
  /** True when a live worker serves the model and the tenant's limits leave room. */
  runnable: z.boolean(),
  /** Why it could not run now; null when it could. */
  reason: z.string().nullable(),
  /** Frames that would go first. */
  position: z.int(),
  /** Null while no rate has been measured. */
  eta_seconds: z.number().nullable(),
  eta_low_seconds: z.number().nullable(),
  eta_high_seconds: z.number().nullable(),
});

/** The answer to a dry run. */
export type DryRun = z.infer<typeof dryRunSchema>;

/** One model's part of the queue. */
export const modelStatsSchema = z.object({
  name: z.string(),
  workers: z.int(),
  /** Frames that the live workers take in flight at most. */
  slots: z.int(),
  frames_queued: z.int(),
  frames_running: z.int(),
  /** Megapixel-steps left of all unfinished frames, what is done of running ones taken off. */
  backlog_cost: z.number(),
  /** Megapixel-steps a second of the live workers while busy, as measured; null before the first frame. */
  rate: z.number().nullable(),
  /** Backlog over rate, running work included; 0 when there is none; null while no rate is known and there is backlog. */
  backlog_seconds: z.number().nullable(),
});

/** One model's part of the queue. */
export type ModelStats = z.infer<typeof modelStatsSchema>;

/** Counts since the farm's Redis began. The list is closed: zeros are shown. */
export const COUNTERS = [
  "jobs_submitted",
  "jobs_succeeded",
  "jobs_failed",
  "jobs_canceled",
  "jobs_expired",
  "frames_succeeded",
  "frames_failed",
  "frames_canceled",
  "frames_expired",
  /** Words of a superseded attempt that were refused: progress, snapshots, commits. */
  "attempts_superseded",
  "attempts_interrupted",
  "attempts_lost",
  "attempts_failed",
  "frames_poisoned",
  "workers_sick",
  "deliveries_delivered",
  "deliveries_failed",
  "deliveries_dead",
  /** Dead letters at once, of tenants with too many pending deliveries; counted as dead too. */
  "deliveries_overflowed",
] as const;

/** The name of a counter. */
export type CounterName = (typeof COUNTERS)[number];

/** How predictions of a job's end came out: counts of actual over predicted seconds, by upper bound of the ratio. */
export const etaCalibrationSchema = z.object({
  jobs: z.int(),
  /** Jobs whose end fell into the predicted band. */
  within_band: z.int(),
  /** Keys are upper bounds of actual / predicted, the last is `inf`; values count jobs, each in one bucket. */
  ratio_buckets: z.record(z.string(), z.int()),
});

/** How predictions came out. */
export type EtaCalibration = z.infer<typeof etaCalibrationSchema>;

/** The body of `GET /v1/stats`; never empty: what is not there is 0. */
export const statsSchema = z.object({
  frames_queued: z.int(),
  frames_running: z.int(),
  backlog_cost: z.number(),
  backlog_seconds: z.number().nullable(),
  /** Megapixel-steps a second. */
  rate: z.number().nullable(),
  workers: z.int(),
  models: z.array(modelStatsSchema),
  counters: z.object(
    Object.fromEntries(COUNTERS.map((name) => [name, z.int()])) as Record<CounterName, z.ZodInt>,
  ),
  eta: etaCalibrationSchema,
  /** The caller's own tenant. */
  tenant: z.object({
    name: z.string(),
    weight: z.number(),
    queued_cost: z.number(),
    concurrent_frames: z.int(),
    running_frames: z.int(),
  }),
});

/** The body of `GET /v1/stats`. */
export type Stats = z.infer<typeof statsSchema>;
