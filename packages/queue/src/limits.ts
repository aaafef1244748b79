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

/** Different workers on which a frame may fail before it counts as poison: two broken machines are bad luck, three are not. */
export const POISON_WORKERS = 3;

/** Different jobs that a worker may fail for, one after the other, before it counts as sick: three prompts are not to blame. */
export const SICK_JOBS = 3;

/**
 * Times that one frame may be given back by workers that drain. Not its fault, and rare: each costs a worker its life;
 * the cap is there so that nothing goes round for ever.
 */
export const INTERRUPTIONS_MAX = 100;

/**
 * Attempts of one frame that may be lost with their worker or lock. Losses are not the frame's fault, so the cap is
 * well above the tries; it exists because a frame that kills its worker would otherwise go round for ever.
 */
export const LOST_ATTEMPTS_MAX = 10;

/** Above any number that BullMQ reaches: losses and tries are counted in the job's record instead. */
export const BULLMQ_STALLED_MAX = 1_000_000;

/** As above, for its tries. */
export const BULLMQ_TRIES_MAX = 1_000;

/**
 * BullMQ's priority of every frame that lies ready. What orders them is the score that the farm gives them behind it: their
 * virtual start time. A frame that comes back after a try goes by this number, to the front: it has been paid for.
 */
export const FRAME_PRIORITY = 1;

/**
 * BullMQ's priority of a frame between its adding and its score, a millisecond later: the last that there is. Before those
 * that lie ready it would be taken in their place; a new tenant's first frame waited for 16 others so on a busy machine.
 */
export const FRESH_PRIORITY = 2 ** 21 - 1;

/** Above every score that BullMQ makes of FRAME_PRIORITY (it multiplies by 2^32): virtual start times count from here. */
export const TAG_BASE = 2 ** 33;

/** Virtual time of one unit of work at weight 1: fine enough for a weight of 1,000. */
export const TAG_SCALE = 1_024;

/** Pixel-steps of one unit of work: the smallest picture, 16 x 16 pixels, so that all costs are whole. */
export const UNIT_PIXEL_STEPS = 256;

/** Frames that lie ready in BullMQ, as a share of those that the fleet takes at once: a refill takes 2 ms, a frame seconds. */
export const WINDOW_SLOTS = 0.25;

/** At least so many, for a fleet that has not announced itself. */
export const WINDOW_MIN = 4;

/** At most so many: what is ready is no longer reordered within its tenant. */
export const WINDOW_MAX = 1_024;

/** Frames released by one call: some 30 microseconds each, in which Redis does nothing else. */
export const RELEASE_MAX = 64;

/** Jobs looked at by one call, those included that were canceled while they waited. */
export const RELEASE_LOOKS_MAX = 500;

/** Frames taken out of BullMQ at once, on one connection that others use too: a script of some 50 microseconds each. */
export const REMOVE_PAGE = 64;

/** Entries that BullMQ keeps in its own event stream, which the farm does not read. */
export const BULLMQ_EVENTS_MAX = 100;

/** Events kept per job: a job of 64 frames and 28 steps writes some 2,000 without previews; a larger one loses its first. */
export const EVENTS_MAX = 4_096;

/** Events read at once: 100 previews of some 10 kB are a megabyte. */
export const EVENTS_PAGE = 100;

/**
 * Milliseconds between looks at a log that nobody announces. Every reader looks when the connection that tells it of
 * growth comes back; this is for what gets lost otherwise, and thousands of readers may be idle.
 */
export const EVENTS_POLL_MS = 30_000;

/** Seconds that a finished job stays in Redis; its results stay in the object store. */
export const FINISHED_JOB_SECONDS = 86_400;

/**
 * Seconds that a finished job with a webhook stays: its deliveries are made of the record, by couriers that may have been
 * away for longer than a week-end.
 */
export const FINISHED_WEBHOOK_JOB_SECONDS = 604_800;

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
 * Seconds that a farm is bound to its object store after the last process of it spoke. Jobs wait without end, and name
 * pictures there; a Redis that nobody has used for a month may be given to another farm.
 */
export const STORE_SECONDS = 2_592_000;

/** Milliseconds between two rounds of housekeeping, done by whichever process comes first: an expiry is a second late. */
export const KEEP_MS = 1_000;

/** Milliseconds of the lease on a round: shorter than the round, so that a process alone takes each one. */
export const KEEPER_LEASE_MS = 900;

/** The share of Redis's `maxmemory` from which on no job is taken in: the rest is for finishing those that are. */
export const MEMORY_FULL_SHARE = 0.85;

/** Milliseconds that the farm stays closed for it after the last look. */
export const MEMORY_FULL_MS = 5_000;

/** Jobs that one round expires, files or forgets; the next round goes on. */
export const KEEP_PAGE = 100;

/** Milliseconds after a job's end until its history is taken to be unwritten: a worker writes it within one. */
export const UNFILED_AFTER_MS = 5_000;

/** Milliseconds that a picture of the queue's order may be old: estimates are of seconds and more. */
export const SNAPSHOT_MS_MAX = 1_000;

/** Milliseconds of work after which a measured rate has forgotten half of it. */
export const RATE_HALF_LIFE_MS = 120_000;

/** Upper bounds of actual / predicted, by which predictions are counted; what is above the last is `inf`. */
export const ETA_RATIO_BUCKETS = [0.25, 0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5] as const;

/** Predictions that must have come out before the band is made of them. */
export const ETA_SAMPLES_MIN = 30;

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

/** Seconds of `Retry-After` at most, for a tenant at its limit: by then much may have changed. */
export const QUOTA_RETRY_SECONDS_MAX = 60;
