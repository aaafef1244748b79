import type { JobId, Status } from "@latentfarm/contract";

/** The hash tag puts every key of the farm into one slot, so that Redis Cluster can run scripts over them. */
export const PREFIX = "{latentfarm}";

/** The channel on which cancellations are told to the workers; a message is a job id. */
export const CANCEL_CHANNEL = `${PREFIX}:cancel`;

/** Counts since the farm began, by name. */
export const COUNTERS_KEY = `${PREFIX}:counters`;

/** How predictions of jobs' ends came out. */
export const ETA_KEY = `${PREFIX}:eta`;

/** The models, as their queues name them, that jobs were ever taken in for. */
export const QUEUES_KEY = `${PREFIX}:queues`;

/** Jobs that expire unless they start, by the time of it. */
export const DUE_KEY = `${PREFIX}:due`;

/** Ended jobs as `id|tenant|status`, by the time of their end. */
export const ENDED_KEY = `${PREFIX}:ended`;

/** Ended jobs whose history is not yet written, by the time of their end. */
export const UNFILED_KEY = `${PREFIX}:unfiled`;

/** Held by the process that does the present round of housekeeping. */
export const KEEPER_KEY = `${PREFIX}:keeper`;

/** Present while Redis is too full for new jobs. */
export const MEMORY_FULL_KEY = `${PREFIX}:memory-full`;

/** How many frames each worker takes at once, with its model. */
export const SLOTS_KEY = `${PREFIX}:fleet:slots`;

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

/** A job's parameters: apart from the record, which stays small enough for Redis to pack. */
export function jobParamsKey(id: JobId): string {
  return `${PREFIX}:params:${id}`;
}

/** A tenant's jobs in one state; ids sort by time. */
export function jobIndexKey(tenant: string, status: Status): string {
  return `${PREFIX}:jobs:${tenant}:${status}`;
}

/**
 * A tenant's settings: `weight`, and of `queued_cost_max` (megapixel-steps), `concurrent_frames_max` and
 * `running_frames_max` those that are limited.
 */
export function tenantKey(tenant: string): string {
  return `${PREFIX}:tenant:${tenant}`;
}

/** What is open of a tenant: `cost` (units of `UNIT_PIXEL_STEPS`), `frames`, `running`. */
export function usageKey(tenant: string): string {
  return `${PREFIX}:usage:${tenant}`;
}

/** What is open of the whole farm. */
export const FARM_USAGE_KEY = `${PREFIX}:usage`;

/** The order and the books of a model's frames; `model` as its queue names it. */
export function fairKey(model: string): string {
  return `${PREFIX}:fair:${model}`;
}

/** Cumulative work that each flow of a model was given and has let go. */
export function loadKey(model: string): string {
  return `${fairKey(model)}:load`;
}

/** Released frames that no worker has claimed, by their tag. */
export function releasedKey(model: string): string {
  return `${PREFIX}:released:${model}`;
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

/** A model's name as keys hold it: BullMQ refuses `:` in the names of queues, which the encoding takes away. */
export function queueModel(model: string): string {
  return encodeURIComponent(model);
}

/** The name of a model that keys hold as `queueModel()` made it. */
export function modelOfQueue(encoded: string): string {
  return decodeURIComponent(encoded);
}

/** The BullMQ queue of a model's frames. */
export function frameQueueName(model: string): string {
  return `frames-${queueModel(model)}`;
}

/** The sorted set in which BullMQ keeps the frames that wait. Source: taskforcesh/bullmq, src/commands/includes/addJobWithPriority.lua. */
export function waitingFramesKey(model: string): string {
  return `${PREFIX}:${frameQueueName(model)}:prioritized`;
}

/** What stands before an entry's id in the key of its BullMQ job. */
export function frameEntryPrefix(model: string): string {
  return `${PREFIX}:${frameQueueName(model)}:`;
}

/** The BullMQ job of a frame: fixed per frame, so that queueing it twice changes nothing. */
export function frameQueueId(id: JobId, index: number): string {
  return `${id}-${index}`;
}

/** The frame that a BullMQ job is of, as lines of the log name it. */
export function placeOfFrame(queueId: string): { readonly jobId: string; readonly index: number } {
  const at = queueId.lastIndexOf("-");
  return { jobId: queueId.slice(0, at), index: Number(queueId.slice(at + 1)) };
}

/** The record of the job that the BullMQ job of a frame belongs to. */
export function recordKeyOfFrame(queueId: string): string {
  return `${PREFIX}:job:${placeOfFrame(queueId).jobId}`;
}

/** BullMQ's lock of a frame. Source: taskforcesh/bullmq, src/commands/includes/removeLock.lua. */
export function frameLockKey(model: string, id: JobId, index: number): string {
  return `${PREFIX}:${frameQueueName(model)}:${frameQueueId(id, index)}:lock`;
}
