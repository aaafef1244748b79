import {
  isTerminal,
  type JobHead,
  type JobId,
  type JobRecord,
  LIMITS,
  statusSchema,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { estimateHead, estimateJob } from "../estimate/job-estimate.js";
import type { OrderSnapshots } from "../estimate/order-snapshot.js";
import { frameQueueId, modelOfQueue, waitingFramesKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import {
  decodeHead,
  decodeJob,
  frameFields,
  readHeadWith,
  readStoredHead,
  type StoredJob,
} from "./job-record.js";

/** What reading jobs needs. */
export interface ReadContext {
  readonly redis: Redis;
  readonly snapshots: OrderSnapshots;
}

/** Frames that are read together with a job's head: most jobs have no more, and take one round trip. */
const EAGER_FRAMES = 4;
/** Frames before the last released one among which a larger job's ready ones are looked for: the widest window. */
const READY_FRAMES = 1_024;

/**
 * A job with its first `job_frames_shown_max` frames, its position and ETA; undefined when Redis does not know it (any
 * more).
 * @throws {FarmError} queue_unavailable
 */
export async function readEstimatedJob(
  { redis, snapshots }: ReadContext,
  id: JobId,
): Promise<JobRecord | undefined> {
  const stored = await readStoredShown(redis, id);
  if (stored === undefined) return undefined;
  const job = decodeJob(stored, LIMITS.job_frames_shown_max);
  if (isTerminal(job.status)) return job;
  const ready = readyFrames(stored);
  const estimated = estimateJob(await snapshots.get(job.model), { stored, job, ready: ready.length });
  return estimated.position === 0
    ? { ...estimated, position: await rankOf(redis, estimated, ready[0]) }
    : estimated;
}

/**
 * As {@link readEstimatedJob}, without position and ETA.
 * @throws {FarmError} queue_unavailable
 */
export async function readShownJob(redis: Redis, id: JobId): Promise<JobRecord | undefined> {
  const stored = await readStoredShown(redis, id);
  return stored && decodeJob(stored, LIMITS.job_frames_shown_max);
}

/** Each read is one command, so that head and frames are of one moment. */
async function readStoredShown(redis: Redis, id: JobId): Promise<StoredJob | undefined> {
  const eager = await readHeadWith(redis, id, frameFields(range(0, EAGER_FRAMES)));
  if (eager === undefined) return undefined;
  const [count, released] = [Number(eager.fields.frames), Number(eager.fields.next)];
  if (count <= EAGER_FRAMES) return eager;
  const shown = Math.min(count, LIMITS.job_frames_shown_max);
  const isEnded = isTerminal(statusSchema.parse(eager.fields.status));
  const maybeReady = isEnded ? [] : range(Math.max(shown, released - READY_FRAMES), released);
  const statuses = maybeReady.map((index) => `${index}:status`);
  return readHeadWith(redis, id, [...frameFields(range(0, shown)), ...statuses]);
}

/** The released frames that wait, as far as was read; of a larger job a retried one in between may lack. */
function readyFrames({ fields }: StoredJob): number[] {
  const released = Number(fields.next);
  const shown = Math.min(released, LIMITS.job_frames_shown_max);
  const read = [...range(0, shown), ...range(Math.max(shown, released - READY_FRAMES), released)];
  return read.filter((index) => (fields[`${index}:status`] ?? "queued") === "queued");
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}

/**
 * A job without its frames, with its position and ETA: as much work for a job of thousands as for one of one.
 * @throws {FarmError} queue_unavailable
 */
export async function readEstimatedHead(
  { redis, snapshots }: ReadContext,
  id: JobId,
): Promise<JobHead | undefined> {
  const stored = await readStoredHead(redis, id);
  if (stored === undefined) return undefined;
  const { status, model } = stored.fields;
  if (isTerminal(statusSchema.parse(status))) return decodeHead(stored);
  return estimateHead(await snapshots.get(modelOfQueue(model ?? "")), stored);
}

/** The frames that lie ready before a job's first one that does; 0 when it is just being taken. */
async function rankOf(redis: Redis, job: JobHead, first: number | undefined): Promise<number> {
  if (first === undefined) return 0;
  const member = frameQueueId(job.id, first);
  return (await bounded("read the position", () => redis.zrank(waitingFramesKey(job.model), member))) ?? 0;
}
