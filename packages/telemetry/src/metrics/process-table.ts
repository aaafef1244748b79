import {
  ATTEMPT_OUTCOMES,
  BATCH_LIMITS,
  BATCH_OUTCOMES,
  DELIVERY_OUTCOMES,
  ERROR_CODES,
  GPU_INDICES,
  METHODS,
  MODEL_NAMES,
  PHASES,
  POD_COST_OUTCOMES,
  RESUME_OUTCOMES,
  ROUTES,
  STATUS_CLASSES,
  STORE_OPERATIONS,
  STORE_OUTCOMES,
  TENANT_CLASSES,
} from "./label-sets.js";
import {
  AGE_SECONDS_BUCKETS,
  CALL_SECONDS_BUCKETS,
  FRAME_SECONDS_BUCKETS,
  METRIC_PROCESSES,
  type MetricSpec,
  ROWS_BUCKETS,
} from "./metric-spec.js";

const GATEWAY = { processes: ["gateway"], scope: "process" } as const;
const WORKER = { processes: ["worker"], scope: "process" } as const;
const COURIER = { processes: ["courier"], scope: "process" } as const;
const WITH_STORE = { processes: ["gateway", "worker"], scope: "process" } as const;
const EVERY = { processes: METRIC_PROCESSES, scope: "process" } as const;

const redisGauge = (help: string) => ({ type: "gauge", help, labels: {}, ...EVERY }) as const;
const gpuGauge = (help: string) =>
  ({ type: "gauge", help, labels: { gpu: GPU_INDICES }, ...WORKER }) as const;

/** What workers tell of frames and of their engine. */
export const WORKER_TABLE = {
  farm_frame_attempts_total: {
    type: "counter",
    help: "Attempts at frames by how they ended; an attempt that is drawn or found is a frame that succeeded",
    labels: { outcome: ATTEMPT_OUTCOMES, tenant_class: TENANT_CLASSES, model: MODEL_NAMES },
    ...WORKER,
  },
  farm_frame_seconds: {
    type: "histogram",
    help: "Seconds from the job's creation to the stored picture",
    labels: { model: MODEL_NAMES },
    buckets: FRAME_SECONDS_BUCKETS,
    ...WORKER,
  },
  farm_phase_seconds: {
    type: "histogram",
    help: "Seconds that drawn frames spent in each phase; step includes the turns of other frames between steps",
    labels: { phase: PHASES, model: MODEL_NAMES },
    buckets: FRAME_SECONDS_BUCKETS,
    ...WORKER,
  },
  farm_cost_megapixel_steps_total: {
    type: "counter",
    help: "Megapixel-steps of the frames drawn, steps taken over from snapshots left out",
    labels: { tenant_class: TENANT_CLASSES, model: MODEL_NAMES },
    ...WORKER,
  },
  farm_resumes_total: {
    type: "counter",
    help: "Frames that went on from a snapshot, or whose snapshot was refused",
    labels: { outcome: RESUME_OUTCOMES },
    ...WORKER,
  },
  farm_resumed_steps_total: {
    type: "counter",
    help: "Steps saved: taken over from a snapshot instead of drawn again",
    labels: {},
    ...WORKER,
  },
  farm_batches_total: {
    type: "counter",
    help: "Step batches by what they stopped growing at and how they ended",
    labels: { limit: BATCH_LIMITS, outcome: BATCH_OUTCOMES },
    ...WORKER,
  },
  farm_batch_rows: {
    type: "histogram",
    help: "Rows of step batches",
    labels: {},
    buckets: ROWS_BUCKETS,
    ...WORKER,
  },
  farm_batch_cap_rows: {
    type: "gauge",
    help: "Rows that the newest step batch could have had",
    labels: {},
    ...WORKER,
  },
  farm_batch_seconds: {
    type: "histogram",
    help: "Seconds of step batches",
    labels: {},
    buckets: FRAME_SECONDS_BUCKETS,
    ...WORKER,
  },
  farm_engine_restarts_total: {
    type: "counter",
    help: "Times that the engine process was started again",
    labels: {},
    ...WORKER,
  },
  farm_engine_up: { type: "gauge", help: "1 while the engine process runs", labels: {}, ...WORKER },
  farm_worker_frames: { type: "gauge", help: "Frames in flight", labels: {}, ...WORKER },
  farm_worker_sick: { type: "gauge", help: "1 once the worker takes no more frames", labels: {}, ...WORKER },
  farm_worker_held: {
    type: "gauge",
    help: "1 while no frames are taken since the disk holds as many unstored pictures as it may",
    labels: {},
    ...WORKER,
  },
  farm_spool_pictures: {
    type: "gauge",
    help: "Drawn pictures that wait on disk for the store; workers of one machine share the folder",
    labels: {},
    ...WORKER,
  },
  farm_spool_bytes: { type: "gauge", help: "Bytes of the pictures that wait on disk", labels: {}, ...WORKER },
  farm_pod_deletion_cost: {
    type: "gauge",
    help: "How dear it is to end this worker's pod, as its cluster was last told; 0 where it runs in none",
    labels: {},
    ...WORKER,
  },
  farm_pod_cost_updates_total: {
    type: "counter",
    help: "Updates of the pod's deletion cost by how they ended",
    labels: { outcome: POD_COST_OUTCOMES },
    ...WORKER,
  },
  farm_gpu_busy_ratio: gpuGauge("Share of the last sample period in which a kernel ran"),
  farm_gpu_memory_bytes: gpuGauge("Bytes of the GPU's memory in use"),
  farm_gpu_memory_max_bytes: gpuGauge("Bytes of the GPU's memory"),
  farm_gpu_power_watts: gpuGauge("Watts drawn"),
  farm_gpu_temperature_celsius: gpuGauge("Degrees Celsius of the die"),
} as const satisfies Readonly<Record<string, MetricSpec>>;

/** What gateways and couriers tell of themselves, and what all tell of Redis and the store. */
export const SERVICE_TABLE = {
  farm_http_request_seconds: {
    type: "histogram",
    help: "Seconds from request to end of answer; event streams last as long as their job",
    labels: { route: ROUTES, method: METHODS, status_class: STATUS_CLASSES },
    buckets: CALL_SECONDS_BUCKETS,
    ...GATEWAY,
  },
  farm_http_problems_total: {
    type: "counter",
    help: "Answers that refuse or fail, by their code",
    labels: { code: ERROR_CODES },
    ...GATEWAY,
  },
  farm_store_seconds: {
    type: "histogram",
    help: "Seconds of calls of the object store, by how they ended",
    labels: { operation: STORE_OPERATIONS, outcome: STORE_OUTCOMES },
    buckets: CALL_SECONDS_BUCKETS,
    ...WITH_STORE,
  },
  farm_delivery_attempts_total: {
    type: "counter",
    help: "Attempts at webhooks by how they ended",
    labels: { outcome: DELIVERY_OUTCOMES },
    ...COURIER,
  },
  farm_delivery_attempt_seconds: {
    type: "histogram",
    help: "Seconds that attempts at webhooks took",
    labels: {},
    buckets: CALL_SECONDS_BUCKETS,
    ...COURIER,
  },
  farm_delivery_age_seconds: {
    type: "histogram",
    help: "Seconds between the making of a delivery and the end of an attempt at it",
    labels: { outcome: DELIVERY_OUTCOMES },
    buckets: AGE_SECONDS_BUCKETS,
    ...COURIER,
  },
  farm_redis_up: redisGauge("1 when Redis answered this scrape"),
  farm_redis_ping_seconds: redisGauge("Seconds that Redis took to answer PING"),
  farm_redis_memory_bytes: redisGauge("Bytes that Redis uses"),
  farm_redis_memory_max_bytes: redisGauge("Bytes that Redis may use; 0 for no limit of its own"),
  farm_redis_eviction_off: redisGauge("1 while Redis refuses writes rather than drop jobs (noeviction)"),
  farm_redis_append_only: redisGauge("1 while Redis keeps an append-only file"),
} as const satisfies Readonly<Record<string, MetricSpec>>;
