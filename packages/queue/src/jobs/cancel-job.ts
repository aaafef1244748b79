import { isJobId, type JobId, type JobRecord } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { CANCEL_CHANNEL, frameSnapshotKey, jobEventsKey, jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { CANCEL } from "../scripts/jobs.js";
import { readShownJob } from "./read-job.js";
import type { SubmitContext } from "./submit-job.js";

/** What ending a job before its time needs. */
export type EndContext = Pick<SubmitContext, "redis" | "queues" | "releaser" | "tracing"> & {
  readonly log: QueueLog;
};

/**
 * Cancels what of a job is not yet done, from any process: frames that wait are canceled in the record at once and
 * taken out of the queue; running ones are marked, and their workers told.
 * @throws {FarmError} queue_unavailable
 */
export async function cancelJob(context: EndContext, id: JobId): Promise<JobRecord | undefined> {
  const [outcome, ...indices] = await runScript(context.redis, CANCEL, {
    keys: [jobRecordKey(id), jobEventsKey(id), CANCEL_CHANNEL],
    args: [],
  });
  if (outcome === "gone") return undefined;
  const job = await readShownJob(context.redis, id);
  if (job !== undefined) await takeOut(context, job, indices.map(Number));
  return job;
}

/**
 * Takes frames that have ended while they waited out of BullMQ's queue, with their snapshots, and lets others take their
 * place. Never throws: the record decides, and a worker that takes such a frame finds it done and drops it.
 */
export async function takeOut(
  context: EndContext,
  job: JobRecord,
  indices: readonly number[],
): Promise<void> {
  if (indices.length > 0 && isJobId(job.id)) {
    try {
      await context.queues.remove(job.model, job.id, indices);
      await dropSnapshots(context.redis, job.id, indices);
    } catch (error) {
      context.log.warn({ jobId: job.id, err: error }, "ended frames stay queued");
    }
  }
  context.releaser.poke(job.model);
}

async function dropSnapshots(redis: Redis, id: JobId, indices: readonly number[]): Promise<void> {
  const keys = indices.map((index) => frameSnapshotKey(id, index));
  await bounded("drop the snapshots", () => redis.unlink(keys));
}
