import type { CounterName } from "@latentfarm/contract";
import { MODEL_NAMES } from "./label-sets.js";
import type { MetricSpec } from "./metric-spec.js";

const FARM_WIDE = { processes: ["gateway"], scope: "farm" } as const;
const gauge = (help: string) => ({ type: "gauge", help, labels: {}, ...FARM_WIDE }) as const;
const modelGauge = (help: string) =>
  ({ type: "gauge", help, labels: { model: MODEL_NAMES }, ...FARM_WIDE }) as const;
const counter = (help: string) => ({ type: "counter", help, labels: {}, ...FARM_WIDE }) as const;

/** The whole farm's numbers, which every gateway reads from Redis; a value that is not known has no series. */
export const FARM_TABLE = {
  farm_frames_queued: gauge("Frames that wait"),
  farm_frames_running: gauge("Frames that are with workers"),
  farm_workers: gauge("Workers with a fresh heartbeat"),
  farm_backlog_seconds: modelGauge("Seconds of work ahead at the measured rate, running work included"),
  farm_backlog_megapixel_steps: modelGauge("Megapixel-steps of work ahead, running work included"),
  farm_rate_megapixel_steps_per_second: modelGauge("Megapixel-steps a second of the live workers while busy"),
  farm_model_frames_queued: modelGauge("Frames of the model that wait"),
  farm_model_frames_running: modelGauge("Frames of the model that are with workers"),
  farm_model_workers: modelGauge("Workers of the model with a fresh heartbeat"),
  farm_model_slots: modelGauge("Frames that the model's workers take in flight at most"),
  farm_outbox_events: gauge("Events that no courier has made a delivery of yet"),
  farm_eta_within_band_total: counter("Jobs that ended within the band predicted for them"),
  farm_eta_ratio: {
    type: "histogram",
    help: "Actual over predicted seconds of jobs that ended; its sum is not known",
    labels: {},
    ...FARM_WIDE,
    // As the queue counts them; the bounds come with the counts.
    buckets: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

/** The counters that Redis keeps, since the farm's Redis began. */
export const COUNTER_TABLE = {
  farm_jobs_submitted_total: counter("Jobs taken in"),
  farm_jobs_succeeded_total: counter("Jobs that ended with every frame drawn"),
  farm_jobs_failed_total: counter("Jobs that ended with a failed frame"),
  farm_jobs_canceled_total: counter("Jobs that their client canceled"),
  farm_jobs_expired_total: counter("Jobs that did not start in time"),
  farm_frames_succeeded_total: counter("Frames drawn and stored"),
  farm_frames_failed_total: counter("Frames failed for good"),
  farm_frames_canceled_total: counter("Frames canceled"),
  farm_frames_expired_total: counter("Frames that did not start in time"),
  farm_attempts_superseded_total: counter("Words of a superseded attempt that were refused"),
  farm_attempts_interrupted_total: counter("Attempts given back without burning a try"),
  farm_attempts_lost_total: counter("Attempts whose worker went away"),
  farm_attempts_failed_total: counter("Attempts that failed and burnt a try"),
  farm_frames_poisoned_total: counter("Frames that took several workers down or failed on several"),
  farm_workers_sick_total: counter("Workers that failed for three jobs in a row and took no more frames"),
  farm_deliveries_delivered_total: counter("Webhooks that arrived"),
  farm_deliveries_failed_total: counter("Attempts at webhooks that did not count"),
  farm_deliveries_dead_total: counter("Webhooks given up"),
  farm_deliveries_overflowed_total: counter(
    "Webhooks given up without an attempt, as their tenant had too many pending",
  ),
} as const satisfies Readonly<Record<`farm_${CounterName}_total`, MetricSpec>>;
