import type { JobId, JobRecord } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { CANCEL_CHANNEL, frameSnapshotKey, jobEventsKey, jobRecordKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { CANCEL } from "../scripts/bodies.js";
import { readJob } from "./job-record.js";
import type { SubmitContext } from "./submit-job.js";

/**
 * Cancels what of a job is not yet done, from any process: frames that wait are canceled in the record at once and
 * taken out of the queue; running ones are marked, and their workers told.
 * @throws {FarmError} queue_unavailable
 */
export async function cancelJob(
  context: SubmitContext & { readonly log: QueueLog },
  id: JobId,
): Promise<JobRecord | undefined> {
  const [outcome, ...indices] = await runScript(context.redis, CANCEL, {
    keys: [jobRecordKey(id), jobEventsKey(id), CANCEL_CHANNEL],
    args: [id],
  });
  if (outcome === "gone") return undefined;
  const job = await readJob(context.redis, id);
  if (job === undefined) return undefined;
  const gone = indices.map(Number);
  try {
    await context.queues.remove(job.model, id, gone);
    await dropSnapshots(context.redis, id, gone);
  } catch (error) {
    // The record decides: a worker that takes a canceled frame finds it done and drops it.
    context.log.warn({ jobId: id, reason: String(error) }, "canceled frames stay queued");
  }
  return job;
}

async function dropSnapshots(redis: Redis, id: JobId, indices: readonly number[]): Promise<void> {
  const keys = indices.map((index) => frameSnapshotKey(id, index));
  if (keys.length > 0) await bounded("drop the snapshots", () => redis.unlink(keys));
}
