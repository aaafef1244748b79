import { FarmError, type JobId, type JobRecord } from "@latentfarm/contract";
import { jobEventsKey, jobRecordKey } from "../keys.js";
import { runScript } from "../redis/run-script.js";
import { RETRY } from "../scripts/jobs.js";
import { readJob } from "./job-record.js";
import type { SubmitContext } from "./submit-job.js";

/**
 * Queues the failed frames of a failed job again, with fresh budgets; those that succeeded stay as they are.
 * @throws {FarmError} nothing_to_retry; queue_unavailable
 */
export async function retryJob(
  { redis, releaser }: Pick<SubmitContext, "redis" | "releaser">,
  id: JobId,
): Promise<JobRecord | undefined> {
  const [outcome] = await runScript(redis, RETRY, { keys: [jobRecordKey(id), jobEventsKey(id)], args: [] });
  if (outcome === "gone") return undefined;
  const job = await readJob(redis, id);
  if (outcome === "nothing" && job !== undefined) {
    throw new FarmError(
      "nothing_to_retry",
      `Cannot retry the job as it has not failed: status is ${job.status}`,
    );
  }
  if (job !== undefined) releaser.poke(job.model);
  return job;
}
