/** Milliseconds that one call to Redis may take: a client's request must be answered while its user still looks. */
export const CALL_MS_MAX = 5_000;

/** Milliseconds of BullMQ's lock: measured 6 to 10 s from the loss of a worker to the frame's start elsewhere. */
export const LOCK_MS = 10_000;

/** Milliseconds between BullMQ's looks for lost locks; half the lock, so that a loss is seen within one and a half. */
export const STALLED_CHECK_MS = 5_000;

/** Seconds that an idle worker blocks on the queue: a frame given back wakes no sleeper, so this bounds its wait. */
export const IDLE_BLOCK_SECONDS = 2;

/** Milliseconds before BullMQ repeats its own bookkeeping after an outage of Redis; its default of 15 s idles a GPU. */
export const BOOKKEEPING_RETRY_MS = 1_000;

/** Tries of a frame that fails by itself: the second covers a passing fault, the third a fault of one machine. */
export const FRAME_TRIES_MAX = 3;

/** Milliseconds before the second try; doubles for each further one. */
export const RETRY_DELAY_MS = 1_000;

/** The share of the retry delay that is random, so that frames that failed together do not come back together. */
export const RETRY_JITTER = 0.5;

/**
 * Attempts of one frame that may be lost with their worker or lock. Losses are not the frame's fault, so the cap is
 * well above the tries; it exists because a frame that kills its worker would otherwise go round for ever.
 */
export const LOST_ATTEMPTS_MAX = 10;

/** Above any number that BullMQ reaches: losses are counted in the job's record instead. */
export const BULLMQ_STALLED_MAX = 1_000_000;

/** One priority for every frame gives first come, first served; BullMQ runs frames without one before all others. */
export const FRAME_PRIORITY = 1_000;

/** Events kept per job; a job of 64 frames and 28 steps writes some 2,000 without previews. */
export const EVENTS_MAX = 4_096;

/** Events read at once: 100 previews of some 10 kB are a megabyte. */
export const EVENTS_PAGE = 100;

/** Milliseconds between looks at a log that nobody announces: published messages are lost when a connection breaks. */
export const EVENTS_POLL_MS = 2_000;

/** Seconds that a finished job stays in Redis; its results stay in the object store. */
export const FINISHED_JOB_SECONDS = 86_400;

/** Seconds that an unfinished job stays: a farm without workers over a long week-end still knows its backlog. */
export const UNFINISHED_JOB_SECONDS = 604_800;

/**
 * Bytes of a snapshot in Redis: a latent of 512 x 512 pixels has 256 KiB, and a sampler remembers up to three more of
 * them. 16 workers with 16 such frames each are then 256 MiB at most; larger snapshots lie in the object store.
 */
export const SNAPSHOT_BYTES_MAX = 1_048_576;

/** Seconds that a snapshot is kept after it was last written: a farm that lost its workers overnight goes on. */
export const SNAPSHOT_SECONDS = 86_400;

/** Seconds that an idempotency key is known; not longer than a finished job, so that the job is there to be found. */
export const IDEMPOTENCY_SECONDS = 86_400;

/** Milliseconds between a worker's heartbeats. */
export const HEARTBEAT_MS = 5_000;

/** Milliseconds after which a silent worker counts as gone: three heartbeats. */
export const WORKER_KEPT_MS = 15_000;

/** Milliseconds that a model stays known without a worker: a job for it waits for the worker to come back. */
export const MODEL_KEPT_MS = 86_400_000;

/**
 * Seconds that a farm is bound to its object store after the last process of it spoke: as long as a job may wait, since
 * until then a job may name a picture there.
 */
export const STORE_SECONDS = UNFINISHED_JOB_SECONDS;

/** Milliseconds after which a submit that did not queue all its frames is taken up by a worker. */
export const UNPLANNED_AFTER_MS = 10_000;

/** Unplanned jobs taken up at once. */
export const UNPLANNED_PAGE = 20;

/** Milliseconds between tries to write down an attempt's end while Redis is away. */
export const PERSIST_RETRY_MS = 500;

/** Milliseconds that an attempt's end is held for a Redis that is away; then the next attempt finds the result. */
export const PERSIST_MS_MAX = 300_000;

/** Milliseconds between tries to reach a lost Redis. */
export const RECONNECT_MS_MAX = 1_000;

/** Milliseconds that aborted frames get at the end of a drain to stop at their next step. */
export const ABORT_GRACE_MS = 5_000;

/** Milliseconds that BullMQ gets to close in order; a Redis that goes away just then must not hold a drain up. */
export const CLOSE_MS_MAX = 3_000;
