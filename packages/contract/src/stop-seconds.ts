/**
 * Seconds from SIGTERM to the end of each process, at the worst, beside what its settings give it. Whoever ends a process by
 * force (`terminationGracePeriodSeconds`, `stop_grace_period`) waits at least so long. test/e2e/stop-seconds.test.ts measures
 * each with everything hanging that can; a third is left for a machine under load.
 */

/**
 * Of a worker, beyond `FARM_DRAIN_SECONDS`: 5 s for aborted frames to save their snapshots, 2 s to leave the fleet's list,
 * 5 s for a call of the farm's keeper that is under way, 5 s for the engine to end by itself, 2 s for the connections to Redis.
 */
export const STOP_SECONDS_WORKER = 30;

/** Of a gateway, beyond `FARM_LAME_DUCK_SECONDS`: 10 s for answers under way, 3 s for the connections to Redis. */
export const STOP_SECONDS_GATEWAY = 25;

/** Of a courier: 16 s for attempts under way, some 7 s to close the queue and the connections to Redis. */
export const STOP_SECONDS_COURIER = 45;
