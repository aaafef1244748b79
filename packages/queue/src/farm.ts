import type {
  Eta,
  FrameParams,
  FrameRecord,
  FrameResult,
  JobEvent,
  JobHead,
  JobId,
  JobParams,
  JobRecord,
  JobWebhook,
  Priority,
  ServedModel,
  Stats,
  Status,
  Tenant,
  WorkerInfo,
} from "@latentfarm/contract";
import type { Tracing } from "@latentfarm/telemetry";
import type { Access, PageOptions } from "./access/access.js";
import type { WebhookStore } from "./webhooks/webhook-store.js";

/**
 * Where the queue tells what it did; the shape of a pino logger, so that this package needs no logger of its own. Errors
 * are given as `err`: the log decides what of their words may be told.
 */
export interface QueueLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A job as it is handed in: checked, with every default filled in. */
export interface NewJob {
  readonly id: JobId;
  /** Whose it is; the limits are checked as the job is taken in. */
  readonly tenant: Tenant;
  readonly model: string;
  readonly params: JobParams;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  /** ISO 8601, UTC: the job expires unless a frame of it has started by then. */
  readonly start_before?: string;
  readonly webhook?: JobWebhook;
  readonly idempotency?: Idempotency;
}

/** A job that is only asked about. */
export type JobDraft = Pick<NewJob, "tenant" | "model" | "params">;

/** What would become of a job that were submitted now. */
export interface Forecast {
  /** Why it would be refused or could not run, in a sentence; null when it could run. */
  readonly reason: string | null;
  /** Frames that would go first. */
  readonly position: number;
  /** Null while no rate has been measured. */
  readonly eta: Eta | null;
}

/** One frame with what of its job is needed to show it. */
export interface JobFrame {
  readonly tenant: string;
  /** How many frames the job has. */
  readonly frames: number;
  /** Undefined past the last one. */
  readonly frame: FrameRecord | undefined;
}

/** Which frames of a job are wanted. */
export interface FrameQuery {
  /** The index to begin with. */
  readonly from: number;
  readonly limit: number;
  /** Frames in this state only. */
  readonly status?: Status | undefined;
}

/** A page of a job's frames, by index. */
export interface FramePage {
  readonly tenant: string;
  readonly frames: readonly FrameRecord[];
  /** The index that the next page begins with; null on the last one. */
  readonly next: number | null;
}

/** Which of a tenant's jobs are wanted. */
export interface JobQuery extends PageOptions {
  readonly tenant: string;
  readonly status?: Status | undefined;
}

/** What is done from time to time for the whole farm, by whichever process comes first. */
export interface KeepOptions {
  /** Called at least once for each job that has ended, by one process of the farm; writes its history. */
  readonly onJobEnd: (job: JobRecord) => Promise<void>;
}

/** The client's key and a hash of the body that came with it: the same pair again gives the first job. */
export interface Idempotency {
  readonly key: string;
  readonly bodyHash: string;
}

/** An object store, as a process knows it. */
export interface StoreIdentity {
  /** The same for every process that reads and writes the same objects, and no other. */
  readonly id: string;
  /** Where it is, in words for a person. */
  readonly place: string;
}

/** One attempt at one frame, as a worker sees it. */
export interface FrameWork {
  readonly jobId: JobId;
  readonly index: number;
  /** Counts from 1; a later attempt supersedes an earlier one. */
  readonly attempt: number;
  readonly params: FrameParams;
  /** Whose it is. */
  readonly tenant: string;
  /** The job's: what the frame is worth beside the others that its engine draws. */
  readonly priority: Priority;
  /** Milliseconds between the job's creation and this claim. */
  readonly queueMs: number;
  /** Aborts with a FarmError as its reason: `canceled` by the client, or `interrupted` (lock lost, drain). */
  readonly signal: AbortSignal;
  /**
   * Says that the engine has the frame. Waits for a queue that is away.
   * @throws {FarmError} interrupted the attempt is superseded; canceled
   */
  started(): Promise<void>;
  /**
   * Tells the completed steps. A queue that is away is no reason to stop drawing, so this never throws and what it could
   * not tell is lost; an answer that the attempt may not go on aborts `signal`.
   */
  progress(step: number, steps: number): Promise<void>;
  /** Tells a preview, JPEG in base64, in the place of the one before; otherwise as {@link progress}. */
  preview(jpegBase64: string): Promise<void>;
  /**
   * What an earlier attempt left by {@link saveSnapshot}, unless it failed by itself. Waits for a queue that is away.
   * @throws {FarmError} queue_unavailable
   */
  loadSnapshot(): Promise<Uint8Array | undefined>;
  /**
   * Keeps `bytes` for the attempt that follows this one, in the place of those before; forgotten when the frame ends.
   * Not kept for a superseded attempt. `step` is where the next attempt's progress begins.
   * @throws {RangeError} more than `SNAPSHOT_BYTES_MAX`
   * @throws {FarmError} queue_unavailable
   */
  saveSnapshot(bytes: Uint8Array, step: number): Promise<void>;
}

/** How a worker takes frames. */
export interface ConsumeOptions {
  readonly model: string;
  readonly workerId: string;
  /** Frames in flight at once. */
  readonly concurrency: number;
  /**
   * Draws one frame. What it throws decides: a FarmError that is not retryable fails the frame at once, `interrupted`
   * gives it back without burning a try, everything else is tried again up to the cap.
   */
  readonly process: (frame: FrameWork) => Promise<FrameResult>;
  /** Called at least once, by the consumer that ended the job with one of its frames. */
  readonly onJobEnd?: (job: JobRecord) => Promise<void>;
  /** Called once when this worker has failed for three different jobs in a row; it takes no more frames then. */
  readonly onSick?: (reason: string) => void;
}

/** A running consumer of frames. */
export interface FrameConsumer extends AsyncDisposable {
  /** Frames in flight now. */
  readonly active: number;
  /** Megapixel-steps a second while frames are in flight, over the last minutes; null before the first frame. */
  readonly rate: number | null;
  /** Why this worker takes no more frames; null while it is well. */
  readonly sickness: string | null;
  /** Resolves once frames can arrive. */
  ready(): Promise<void>;
  /** Takes no frames until resume(), but for one that a free place already waits for; those in flight go on. */
  hold(): Promise<void>;
  /** Ends hold(). */
  resume(): Promise<void>;
  /** Takes no more frames, waits for those in flight up to the deadline, gives the rest back, then closes. */
  drain(deadlineMs: number): Promise<void>;
}

/** What of a job's log is wanted. */
export interface EventOptions {
  /** The id of the last event that the reader has; 0 or absent for all. */
  readonly after?: number;
  readonly signal: AbortSignal;
}

/** How the farm's Redis is. */
export interface QueueHealth {
  /** Milliseconds until PING was answered. */
  readonly pingMs: number;
  /** Bytes in use. */
  readonly memoryBytes: number;
  /** Bytes that may be used; 0 for no limit of its own. */
  readonly memoryBytesMax: number;
  /** True while it refuses writes rather than drop jobs. */
  readonly isEvictionOff: boolean;
  readonly isAppendOnly: boolean;
  /** Events that no courier has made a delivery of yet. */
  readonly outboxEvents: number;
}

/** The farm's memory: jobs, frames, events and the fleet, in one Redis. Every call is bounded in time. */
export interface Farm extends AsyncDisposable {
  /**
   * Takes a job in: its record, its first event and its frames.
   * @throws {FarmError} idempotency_conflict the key came with another body; quota_exceeded, with
   * `retry_after_seconds` and `limit` in its details; overloaded the farm is full; queue_unavailable
   */
  submit(job: NewJob): Promise<JobRecord>;
  /**
   * The job that was taken in with this key and body before, if one was; its submit is completed if it stopped half-way.
   * @throws {FarmError} idempotency_conflict; queue_unavailable
   */
  findSubmitted(tenant: string, idempotency: Idempotency): Promise<JobRecord | undefined>;
  /**
   * A job with its first `job_frames_shown_max` frames, as `submit`, `cancel` and `retry` give it too.
   * @throws {FarmError} queue_unavailable
   */
  getJob(id: JobId): Promise<JobRecord | undefined>;
  /**
   * A job without its frames, which are not read for it. Undefined when there is no such job.
   * @throws {FarmError} queue_unavailable
   */
  getJobHead(id: JobId): Promise<JobHead | undefined>;
  /**
   * One frame of a job, which is not read as a whole for it. Undefined when there is no such job.
   * @throws {FarmError} queue_unavailable
   */
  getFrame(id: JobId, index: number): Promise<JobFrame | undefined>;
  /**
   * A page of a job's frames; no more of the job is read for it. Undefined when there is no such job.
   * @throws {FarmError} queue_unavailable
   */
  listFrames(id: JobId, query: FrameQuery): Promise<FramePage | undefined>;
  /**
   * Cancels what is not yet done: queued frames at once, running ones at their next step. Idempotent.
   * @throws {FarmError} queue_unavailable
   */
  cancel(id: JobId): Promise<JobRecord | undefined>;
  /**
   * Queues the failed frames of a failed job again, with fresh budgets. A call with the client's key of one that was
   * carried out within a day gives the job as it is. Undefined when there is no such job.
   * @throws {FarmError} nothing_to_retry no frame of it has failed, or it has not ended; queue_unavailable
   */
  retry(id: JobId, key?: string): Promise<JobRecord | undefined>;
  /** A tenant's jobs, newest first; those that Redis has forgotten are not among them. */
  listJobs(query: JobQuery): Promise<{ readonly jobs: JobHead[]; readonly next_cursor: string | null }>;
  /** What would become of a job; nothing is queued. */
  forecast(draft: JobDraft): Promise<Forecast>;
  /** The farm's numbers, with the given tenant's own. */
  stats(tenant: Tenant): Promise<Stats>;
  /**
   * Keeps the farm going until disposed: expires jobs, hands out frames whose way into the queue was cut, and files
   * jobs that have ended. Gateways and workers all do; each piece of work is done once.
   */
  keep(options: KeepOptions): AsyncDisposable;
  /** Keys, tenants, rates. */
  readonly access: Access;
  /** Webhook endpoints and deliveries. */
  readonly webhooks: WebhookStore;
  /**
   * The job's log, then its events as they happen; ends after the job's last event or when the signal aborts.
   * @throws {FarmError} not_found; queue_unavailable
   */
  events(id: JobId, options: EventOptions): AsyncIterable<JobEvent>;
  /** Every model that a worker has announced lately, with how many workers with a fresh heartbeat serve it. */
  models(): Promise<ServedModel[]>;
  /** The workers with a fresh heartbeat. */
  workers(): Promise<WorkerInfo[]>;
  /**
   * Binds this Redis to an object store, the first time; asks that it is the same at each further process. A result in
   * another store would be a picture that nobody finds.
   * @throws {FarmError} config_invalid it is bound to another; queue_unavailable
   */
  claimStore(store: StoreIdentity): Promise<void>;
  /** @throws {FarmError} queue_unavailable */
  ping(): Promise<void>;
  /**
   * How Redis is, for the metrics.
   * @throws {FarmError} queue_unavailable
   */
  health(): Promise<QueueHealth>;
  /** A worker's heartbeat; repeat it every `HEARTBEAT_MS`. Its model becomes known with it. */
  announceWorker(info: WorkerInfo): Promise<void>;
  /** Forgets a worker that leaves. */
  retireWorker(id: string): Promise<void>;
  /** Begins to take frames of one model. */
  consume(options: ConsumeOptions): FrameConsumer;
}

/** How a farm is reached. */
export interface QueueOptions {
  /** `redis://` or `rediss://`. */
  readonly redisUrl: string;
  readonly log?: QueueLog;
  /** Nothing is traced when absent. */
  readonly tracing?: Tracing;
}
