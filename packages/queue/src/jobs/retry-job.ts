import { createHash } from "node:crypto";
import { FarmError, type JobId, type JobRecord } from "@latentfarm/contract";
import { idempotencyKey, jobEventsKey, jobRecordKey } from "../keys.js";
import { QUOTA_RETRY_SECONDS_MAX } from "../limits.js";
import { runScript } from "../redis/run-script.js";
import { RETRY } from "../scripts/jobs.js";
import { costOfUnits } from "./job-record.js";
import { readShownJob } from "./read-job.js";
import type { SubmitContext } from "./submit-job.js";

/**
 * Queues the failed frames of a failed job again, with fresh budgets; those that succeeded stay as they are. With the key of
 * a call before, for a day, it gives the job as it is.
 * @throws {FarmError} nothing_to_retry; queue_unavailable
 */
export async function retryJob(
  { redis, releaser }: Pick<SubmitContext, "redis" | "releaser">,
  id: JobId,
  key?: string,
): Promise<JobRecord | undefined> {
  const [outcome, limit, present, allowed] = await runScript(redis, RETRY, {
    keys: [jobRecordKey(id), jobEventsKey(id), ...(key === undefined ? [] : [noteOf(id, key)])],
    args: [],
  });
  if (outcome === "gone") return undefined;
  const job = await readShownJob(redis, id);
  if (outcome === "quota") throw retryRefusal(String(limit), Number(present), Number(allowed));
  if (outcome === "nothing" && job !== undefined) {
    throw new FarmError(
      "nothing_to_retry",
      `Cannot retry the job as it has not failed: status is ${job.status}`,
    );
  }
  if (job !== undefined && outcome === "ok") releaser.poke(job.model);
  return job;
}

/** Apart from the notes of submits, whose keys a client may use again here. */
function noteOf(id: JobId, key: string): string {
  return idempotencyKey(createHash("sha256").update(`retry\n${id}\n${key}`).digest("hex"));
}

function retryRefusal(limit: string, present: number, allowed: number): FarmError {
  const shown = (value: number) => (limit === "queued_cost_max" ? costOfUnits(value) : value);
  const message = `is ${shown(allowed)}, ${shown(present)} are open`;
  const details = {
    limit,
    retry_after_seconds: QUOTA_RETRY_SECONDS_MAX,
    errors: [{ path: `limits.${limit}`, message }],
  };
  return new FarmError(
    "quota_exceeded",
    `Cannot retry the job as the tenant's limit is reached: ${limit} ${message}`,
    { details },
  );
}
