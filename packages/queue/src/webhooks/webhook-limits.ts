/** Addresses of one tenant: its list is answered in one piece, and ids belong into the query, which is not counted. */
export const ENDPOINTS_MAX = 1_000;

/**
 * Milliseconds after which an endpoint that no job has named may make room for a new one where its tenant has no more: 30
 * days, so that none of a nightly or weekly job loses its secret; far above the week that an unfinished job is kept.
 */
export const ENDPOINT_UNUSED_MS = 2_592_000_000;

/** Milliseconds between notes of an endpoint's use: each submit would write one otherwise. */
export const ENDPOINT_USE_NOTE_MS = 3_600_000;

/** Endpoints that are looked at for one that may make room: those with pending deliveries may not. */
export const ENDPOINT_ROOM_TRIES = 100;

/** Seconds for which the deletion of an endpoint can be repeated: its client lost the answer. */
export const ENDPOINT_DELETED_SECONDS = 86_400;

/** Attempts of one endpoint at once, over all couriers: enough to hide the latency of a receiver, too few to flood it. */
export const ENDPOINT_ATTEMPTS_MAX = 4;

/** Attempts of one tenant at once, over all couriers: a quarter of one, so that no tenant's slow receivers fill it. */
export const TENANT_ATTEMPTS_MAX = 64;

/** Attempts of an endpoint whose circuit was open, until one has gone well: the trial must not be a flood. */
export const TRIAL_ATTEMPTS_MAX = 1;

/** Milliseconds that an attempt holds its place when its courier is gone: twice the 15 s that one may take. */
export const LEASE_MS = 30_000;

/** Attempts that the record of a delivery shows: two whole schedules of ten. */
export const ATTEMPTS_SHOWN = 20;

/**
 * Deliveries of one tenant that wait for an attempt, some 4 kB each: 40 MB of Redis for receivers that never answer, and
 * hours of a busy tenant's events. What comes past it is a dead letter at once.
 */
export const PENDING_DELIVERIES_MAX = 10_000;

/** Deliveries kept of each tenant and status that have ended, some 4 kB each. */
export const ENDED_DELIVERIES_MAX = 10_000;

/** Seconds that a delivery stays that was delivered: a day to look at what was told, or to have it told again. */
export const DELIVERED_SECONDS = 86_400;

/** Seconds that a dead letter stays: a week to mend the receiver and send it again. */
export const DEAD_SECONDS = 604_800;

/** Seconds that a job's list of deliveries stays after its last change: a schedule of 75 h, then a dead letter's week. */
export const JOB_LOG_SECONDS = 1_209_600;

/** Milliseconds between looks at what nobody announced: messages are lost when a connection breaks. */
export const OUTBOX_POLL_MS = 1_000;

/** Events taken out of the outbox at once: their jobs are read and their bodies made in one go, some 400 kB. */
export const OUTBOX_PAGE = 100;

/** Deliveries handed to BullMQ at once: one round trip. */
export const UNQUEUED_PAGE = 500;

/** Endpoints looked at in one round, and dead letters made of a disabled one's deliveries by one script. */
export const LINES_PAGE = 100;

/** Milliseconds that an event is left alone whose delivery cannot be made: the ones behind it go first. */
export const OUTBOX_RETRY_MS = 60_000;

/** Events that are left alone at once; past it they are tried again. */
export const OUTBOX_SKIPPED_MAX = 1_000;

/** Milliseconds before BullMQ repeats a turn that failed by a fault of the farm, never of the receiver. */
export const TURN_RETRY_MS = 5_000;

/** Above any number that is reached: a fault of the farm, such as a Redis that is away, must lose no delivery. */
export const TURN_TRIES_MAX = 1_000_000;
