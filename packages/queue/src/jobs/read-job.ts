import { isTerminal, type JobHead, type JobId, type JobRecord, statusSchema } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { estimateHead, estimateJob } from "../estimate/job-estimate.js";
import type { OrderSnapshots } from "../estimate/order-snapshot.js";
import { frameQueueId, modelOfQueue, waitingFramesKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { decodeHead, decodeJob, readStoredHead, readStoredJob } from "./job-record.js";

/** What reading jobs needs. */
export interface ReadContext {
  readonly redis: Redis;
  readonly snapshots: OrderSnapshots;
}

/**
 * A job with its position and ETA; undefined when Redis does not know it (any more).
 * @throws {FarmError} queue_unavailable
 */
export async function readEstimatedJob(
  { redis, snapshots }: ReadContext,
  id: JobId,
): Promise<JobRecord | undefined> {
  const stored = await readStoredJob(redis, id);
  if (stored === undefined) return undefined;
  const { status, model } = stored.fields;
  if (isTerminal(statusSchema.parse(status))) return decodeJob(stored);
  const job = estimateJob(await snapshots.get(modelOfQueue(model ?? "")), stored);
  return job.position === 0 ? { ...job, position: await rankOf(redis, job) } : job;
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
async function rankOf(redis: Redis, job: JobRecord): Promise<number> {
  const first = job.frames.find(({ status }) => status === "queued");
  if (first === undefined) return 0;
  const member = frameQueueId(job.id, first.index);
  return (await bounded("read the position", () => redis.zrank(waitingFramesKey(job.model), member))) ?? 0;
}
