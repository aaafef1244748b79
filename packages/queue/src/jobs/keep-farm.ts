import { randomUUID } from "node:crypto";
import { FarmError, isJobId, type JobId } from "@latentfarm/contract";
import type { KeepOptions } from "../farm.js";
import {
  DUE_KEY,
  ENDED_KEY,
  jobEventsKey,
  jobRecordKey,
  KEEPER_KEY,
  MEMORY_FULL_KEY,
  modelOfQueue,
  PREFIX,
  QUEUES_KEY,
  UNFILED_KEY,
} from "../keys.js";
import {
  FINISHED_JOB_SECONDS,
  KEEP_MS,
  KEEP_PAGE,
  KEEPER_LEASE_MS,
  MEMORY_FULL_MS,
  MEMORY_FULL_SHARE,
  UNFILED_AFTER_MS,
} from "../limits.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { EXPIRE, FILED } from "../scripts/jobs.js";
import { fileInTrace } from "../tracing/file-in-trace.js";
import { type EndContext, takeOut } from "./cancel-job.js";
import { readJob } from "./job-record.js";

const MS_PER_SECOND = 1_000;

/**
 * Does the farm's housekeeping until disposed: one process a round, whichever takes the lease. What it does is safe to do
 * twice; the lease only saves work. History is written beside the rounds, since a store that is away must not keep jobs
 * from expiring.
 */
export function keepFarm(context: EndContext, options: KeepOptions): AsyncDisposable {
  const own = randomUUID();
  const ended = new AbortController();
  let round: Promise<void> | undefined;
  let isFiling = false;
  const timer = setInterval(() => {
    round ??= keepOnce(context, own).then((isKeeper) => {
      round = undefined;
      if (!isKeeper || isFiling || ended.signal.aborted) return;
      isFiling = true;
      void guarded(context, () => fileEnded(context, options, ended.signal)).then(() => {
        isFiling = false;
      });
    });
  }, KEEP_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      ended.abort();
      // What hangs in a store is not waited for: whoever keeps next writes it.
      await round;
    },
  };
}

/** One round; true when this process had the lease. */
async function keepOnce(context: EndContext, own: string): Promise<boolean> {
  const { redis } = context;
  let isKeeper = false;
  await guarded(context, async () => {
    const lease = await bounded("take the keeper's lease", () =>
      redis.set(KEEPER_KEY, own, "PX", KEEPER_LEASE_MS, "NX"),
    );
    isKeeper = lease !== null;
    if (!isKeeper) return;
    await watchMemory(redis);
    await repeatPages(() => expireDue(context, Date.now()));
    for (const model of await bounded("list the queues", () => redis.smembers(QUEUES_KEY))) {
      await context.releaser.recover(modelOfQueue(model));
    }
    await repeatPages(() => forgetEnded(context, Date.now() - FINISHED_JOB_SECONDS * MS_PER_SECOND));
  });
  return isKeeper;
}

async function guarded({ log }: EndContext, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // A connection tells its own loss, once; here it would be a line a second.
    if (error instanceof FarmError && error.code === "queue_unavailable") return;
    log.error({ err: error }, "housekeeping failed");
  }
}

/** Goes on while pages come back full, for so long as a round may last. */
async function repeatPages(page: () => Promise<number>): Promise<void> {
  const deadline = performance.now() + KEEP_MS;
  while ((await page()) >= KEEP_PAGE && performance.now() < deadline);
}

/**
 * Closes the farm to new jobs while Redis is nearly full, so that what is taken in can still be finished: with
 * `noeviction` a full Redis refuses the ends of jobs as well.
 * @throws {FarmError} queue_unavailable
 */
async function watchMemory(redis: EndContext["redis"]): Promise<void> {
  const info = await bounded("read the memory of Redis", () => redis.info("memory"));
  const field = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1] ?? 0);
  const max = field("maxmemory");
  const isFull = max > 0 && field("used_memory") > max * MEMORY_FULL_SHARE;
  if (isFull) {
    await bounded("close the farm", () => redis.set(MEMORY_FULL_KEY, "1", "PX", MEMORY_FULL_MS));
  }
}

/** Expires a page of jobs that have not started in time; gives how many it looked at. */
async function expireDue(context: EndContext, nowMs: number): Promise<number> {
  const { redis } = context;
  const due = await bounded("list the jobs that are due", () =>
    redis.zrangebyscore(DUE_KEY, "-inf", nowMs, "LIMIT", 0, KEEP_PAGE),
  );
  const ended = await Promise.all(due.filter(isJobId).map((id) => expireJob(context, id)));
  // One that a worker has just taken stays due: a page of those alone is no reason to look again at once.
  return ended.includes(true) ? due.length : 0;
}

async function expireJob(context: EndContext, id: JobId): Promise<boolean> {
  const keys = [jobRecordKey(id), jobEventsKey(id)];
  const [outcome, ...indices] = await runScript(context.redis, EXPIRE, { keys, args: [] });
  if (outcome !== "ok") return false;
  const job = await readJob(context.redis, id);
  if (job !== undefined) await takeOut(context, job, indices.map(Number));
  return true;
}

/** Has the history of ended jobs written whose process died before it was. */
async function fileEnded(context: EndContext, options: KeepOptions, signal: AbortSignal): Promise<void> {
  const { redis, log } = context;
  const unfiled = await bounded("list the unfiled jobs", () =>
    redis.zrangebyscore(
      UNFILED_KEY,
      "-inf",
      Date.now() - UNFILED_AFTER_MS,
      "WITHSCORES",
      "LIMIT",
      0,
      KEEP_PAGE,
    ),
  );
  for (let at = 0; at < unfiled.length && !signal.aborted; at += 2) {
    const id = unfiled[at] ?? "";
    const endedMs = unfiled[at + 1] ?? "";
    if (!isJobId(id)) continue;
    try {
      const job = await readJob(redis, id);
      if (job !== undefined) await fileInTrace(context, job, options.onJobEnd);
      await markFiled(context, id, endedMs);
    } catch (error) {
      log.warn({ jobId: id, err: error }, "history of the job not written");
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

/** Takes a page of jobs that Redis has forgotten out of their tenants' lists; gives how many. */
async function forgetEnded({ redis }: EndContext, beforeMs: number): Promise<number> {
  const old = await bounded("list the forgotten jobs", () =>
    redis.zrangebyscore(ENDED_KEY, "-inf", beforeMs, "LIMIT", 0, KEEP_PAGE),
  );
  if (old.length === 0) return 0;
  const pipeline = redis.multi();
  for (const member of old) {
    const [id = "", tenant = "", status = ""] = member.split("|");
    pipeline.zrem(`${PREFIX}:jobs:${tenant}:${status}`, id);
  }
  pipeline.zrem(ENDED_KEY, old);
  await bounded("forget jobs", () => pipeline.exec());
  return old.length;
}
