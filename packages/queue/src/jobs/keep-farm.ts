import { randomUUID } from "node:crypto";
import { FarmError, isJobId, type JobId } from "@latentfarm/contract";
import type { KeepOptions } from "../farm.js";
import {
  DUE_KEY,
  ENDED_KEY,
  jobEventsKey,
  jobRecordKey,
  KEEPER_KEY,
  modelOfQueue,
  PREFIX,
  QUEUES_KEY,
  UNFILED_KEY,
} from "../keys.js";
import { FINISHED_JOB_SECONDS, KEEP_MS, KEEP_PAGE, KEEPER_LEASE_MS, UNFILED_AFTER_MS } from "../limits.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { EXPIRE, FILED } from "../scripts/jobs.js";
import { type EndContext, takeOut } from "./cancel-job.js";
import { readJob } from "./job-record.js";

const MS_PER_SECOND = 1_000;

/**
 * Does the farm's housekeeping until disposed: one process a round, whichever takes the lease. What it does is safe to do
 * twice; the lease only saves work.
 */
export function keepFarm(context: EndContext, options: KeepOptions): AsyncDisposable {
  const own = randomUUID();
  const ended = new AbortController();
  let round: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    round = round.then(() => (ended.signal.aborted ? undefined : keepOnce(context, options, own)));
  }, KEEP_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      ended.abort();
      await round;
    },
  };
}

async function keepOnce(context: EndContext, options: KeepOptions, own: string): Promise<void> {
  const { redis, log } = context;
  try {
    const lease = await bounded("take the keeper's lease", () =>
      redis.set(KEEPER_KEY, own, "PX", KEEPER_LEASE_MS, "NX"),
    );
    if (lease === null) return;
    await expireDue(context, Date.now());
    for (const model of await bounded("list the queues", () => redis.smembers(QUEUES_KEY))) {
      await context.releaser.recover(modelOfQueue(model));
    }
    await fileEnded(context, options, Date.now() - UNFILED_AFTER_MS);
    await forgetEnded(context, Date.now() - FINISHED_JOB_SECONDS * MS_PER_SECOND);
  } catch (error) {
    // A connection tells its own loss, once; here it would be a line a second.
    if (error instanceof FarmError && error.code === "queue_unavailable") return;
    log.error({ reason: String(error) }, "housekeeping failed");
  }
}

/** Expires jobs that have not started in time. */
async function expireDue(context: EndContext, nowMs: number): Promise<void> {
  const { redis } = context;
  const due = await bounded("list the jobs that are due", () =>
    redis.zrangebyscore(DUE_KEY, "-inf", nowMs, "LIMIT", 0, KEEP_PAGE),
  );
  for (const id of due.filter(isJobId)) {
    const keys = [jobRecordKey(id), jobEventsKey(id)];
    const [outcome, ...indices] = await runScript(redis, EXPIRE, { keys, args: [] });
    if (outcome !== "ok") continue;
    const job = await readJob(redis, id);
    if (job !== undefined) await takeOut(context, job, indices.map(Number));
  }
}

/** Has the history of ended jobs written whose process died before it was. */
async function fileEnded(context: EndContext, options: KeepOptions, beforeMs: number): Promise<void> {
  const { redis, log } = context;
  const unfiled = await bounded("list the unfiled jobs", () =>
    redis.zrangebyscore(UNFILED_KEY, "-inf", beforeMs, "WITHSCORES", "LIMIT", 0, KEEP_PAGE),
  );
  for (let at = 0; at < unfiled.length; at += 2) {
    const id = unfiled[at] ?? "";
    const endedMs = unfiled[at + 1] ?? "";
    if (!isJobId(id)) continue;
    try {
      const job = await readJob(redis, id);
      if (job !== undefined) await options.onJobEnd(job);
      await markFiled(context, id, endedMs);
    } catch (error) {
      log.warn({ jobId: id, reason: String(error) }, "history of the job not written");
    }
  }
}

/**
 * Strikes a job off the list of those whose history is unwritten, unless it has ended again since `endedMs`.
 * @throws {FarmError} queue_unavailable
 */
export async function markFiled(
  { redis }: Pick<EndContext, "redis">,
  id: JobId,
  endedMs: string,
): Promise<void> {
  await runScript(redis, FILED, { keys: [jobRecordKey(id), jobEventsKey(id)], args: [endedMs] });
}

/** Takes jobs that Redis has forgotten out of their tenant's list. */
async function forgetEnded({ redis }: EndContext, beforeMs: number): Promise<void> {
  const old = await bounded("list the forgotten jobs", () =>
    redis.zrangebyscore(ENDED_KEY, "-inf", beforeMs, "LIMIT", 0, KEEP_PAGE),
  );
  if (old.length === 0) return;
  const pipeline = redis.multi();
  for (const member of old) {
    const [id = "", tenant = "", status = ""] = member.split("|");
    pipeline.zrem(`${PREFIX}:jobs:${tenant}:${status}`, id);
  }
  pipeline.zrem(ENDED_KEY, old);
  await bounded("forget jobs", () => pipeline.exec());
}
