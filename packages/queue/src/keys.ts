import type { JobId } from "@latentfarm/contract";

/** The hash tag puts every key of the farm into one slot, so that Redis Cluster can run scripts over them. */
export const PREFIX = "{latentfarm}";

/** The channel on which cancellations are told to the workers; a message is a job id. */
export const CANCEL_CHANNEL = `${PREFIX}:cancel`;

/** Jobs whose record stands and whose frames may not all have been queued, by time. */
export const UNPLANNED_KEY = `${PREFIX}:unplanned`;

/** The ids of workers that have announced themselves lately, by the time of it. */
export const WORKERS_KEY = `${PREFIX}:fleet:workers`;

/** Models by name, as last announced. */
export const MODELS_KEY = `${PREFIX}:fleet:models`;

/** The names of these models, by the time of their last announcement. */
export const MODELS_SEEN_KEY = `${PREFIX}:fleet:models-seen`;

/** The object store that this farm's results are in. */
export const STORE_KEY = `${PREFIX}:store`;

/** The hash that holds a job and its frames. */
export function jobRecordKey(id: JobId): string {
  return `${PREFIX}:job:${id}`;
}

/** The stream that holds a job's event log; also the channel on which its growth is told. */
export function jobEventsKey(id: JobId): string {
  return `${PREFIX}:events:${id}`;
}

/** What a half-done frame's newest snapshot is kept under. */
export function frameSnapshotKey(id: JobId, index: number): string {
  return `${PREFIX}:snapshot:${id}:${index}`;
}

/** What an idempotency key stands for; `keyHash` is a digest, since clients choose keys freely. */
export function idempotencyKey(keyHash: string): string {
  return `${PREFIX}:idempotency:${keyHash}`;
}

/** A worker's heartbeat. */
export function workerKey(id: string): string {
  return `${PREFIX}:worker:${id}`;
}

/** The BullMQ queue of a model's frames; BullMQ refuses `:` in names, which the encoding takes away. */
export function frameQueueName(model: string): string {
  return `frames-${encodeURIComponent(model)}`;
}

/** The BullMQ job of a frame: fixed per frame, so that queueing it twice changes nothing. */
export function frameQueueId(id: JobId, index: number): string {
  return `${id}-${index}`;
}

/** BullMQ's lock of a frame. Source: taskforcesh/bullmq, src/commands/includes/removeLock.lua. */
export function frameLockKey(model: string, id: JobId, index: number): string {
  return `${PREFIX}:${frameQueueName(model)}:${frameQueueId(id, index)}:lock`;
}
