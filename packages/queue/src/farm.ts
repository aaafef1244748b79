import type {
  FrameParams,
  FrameResult,
  JobEvent,
  JobId,
  JobParams,
  JobRecord,
  Priority,
  ServedModel,
  WorkerInfo,
} from "@latentfarm/contract";

/** Where the queue tells what it did; the shape of a pino logger, so that this package needs no logger of its own. */
export interface QueueLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A job as it is handed in: checked, with every default filled in. */
export interface NewJob {
  readonly id: JobId;
  readonly model: string;
  readonly params: JobParams;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  readonly idempotency?: Idempotency;
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
}

/** A running consumer of frames. */
export interface FrameConsumer extends AsyncDisposable {
  /** Frames in flight now. */
  readonly active: number;
  /** Resolves once frames can arrive. */
  ready(): Promise<void>;
  /** Takes no more frames, waits for those in flight up to the deadline, gives the rest back, then closes. */
  drain(deadlineMs: number): Promise<void>;
}

/** What of a job's log is wanted. */
export interface EventOptions {
  /** The id of the last event that the reader has; 0 or absent for all. */
  readonly after?: number;
  readonly signal: AbortSignal;
}

/** The farm's memory: jobs, frames, events and the fleet, in one Redis. Every call is bounded in time. */
export interface Farm extends AsyncDisposable {
  /**
   * Takes a job in: its record, its first event and its frames.
   * @throws {FarmError} idempotency_conflict the key came with another body; queue_unavailable
   */
  submit(job: NewJob): Promise<JobRecord>;
  /**
   * The job that was taken in with this key and body before, if one was; its submit is completed if it stopped half-way.
   * @throws {FarmError} idempotency_conflict; queue_unavailable
   */
  findSubmitted(idempotency: Idempotency): Promise<JobRecord | undefined>;
  /** @throws {FarmError} queue_unavailable */
  getJob(id: JobId): Promise<JobRecord | undefined>;
  /**
   * Cancels what is not yet done: queued frames at once, running ones at their next step. Idempotent.
   * @throws {FarmError} queue_unavailable
   */
  cancel(id: JobId): Promise<JobRecord | undefined>;
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
}
