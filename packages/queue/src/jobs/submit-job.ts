import { createHash } from "node:crypto";
import { FarmError, invariant, isJobId, type JobId, type JobRecord } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { Idempotency, NewJob } from "../farm.js";
import type { FrameQueues } from "../frames/frame-queues.js";
import { idempotencyKey, jobEventsKey, jobRecordKey, UNPLANNED_KEY } from "../keys.js";
import { UNPLANNED_AFTER_MS, UNPLANNED_PAGE } from "../limits.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { CREATE } from "../scripts/bodies.js";
import { readJob } from "./job-record.js";

/** What taking a job in needs. */
export interface SubmitContext {
  readonly redis: Redis;
  readonly queues: FrameQueues;
}

/**
 * Takes a job in: first its record, then its frames. Between the two the job is on the list of unplanned jobs, from
 * which workers take it up if this process dies or Redis goes away; so no job is acknowledged and then lost, and a
 * repeated submit with the same key completes a half-done first one.
 * @throws {FarmError} idempotency_conflict; queue_unavailable
 */
export async function submitJob(context: SubmitContext, job: NewJob): Promise<JobRecord> {
  const keys = [jobRecordKey(job.id), jobEventsKey(job.id), UNPLANNED_KEY];
  if (job.idempotency !== undefined) {
    keys.push(keyOf(job.idempotency));
  }
  const { num_images: frames, steps } = job.params;
  const [outcome, id] = await runScript(context.redis, CREATE, {
    keys,
    args: [
      job.id,
      job.model,
      JSON.stringify(job.params),
      job.created_at,
      frames,
      steps,
      job.idempotency?.bodyHash ?? "",
    ],
  });
  invariant(id !== undefined && isJobId(id), "the record of a new job names its id");
  if (outcome === "conflict") throw conflict(id);
  const record = await planJob(context, id);
  invariant(record !== undefined, "a job that was just written is there");
  return record;
}

/**
 * The job that a key and a body stand for, if they came before; a half-done submit of it is completed.
 * @throws {FarmError} idempotency_conflict; queue_unavailable
 */
export async function findSubmitted(
  context: SubmitContext,
  idempotency: Idempotency,
): Promise<JobRecord | undefined> {
  const text = await bounded("look for the key", () => context.redis.get(keyOf(idempotency)));
  if (text === null) return undefined;
  const { job: id, hash } = JSON.parse(text);
  invariant(isJobId(id), "an idempotency key names a job");
  if (hash !== idempotency.bodyHash) throw conflict(id);
  return planJob(context, id);
}

function keyOf({ key }: Idempotency): string {
  return idempotencyKey(createHash("sha256").update(key).digest("hex"));
}

function conflict(id: JobId): FarmError {
  return new FarmError(
    "idempotency_conflict",
    `Cannot take the job as its Idempotency-Key came with another body: first job is ${id}`,
    { details: { job: id } },
  );
}

/**
 * Queues the frames of a job that wait and are perhaps not yet queued, then takes it off the list of unplanned jobs.
 * @throws {FarmError} queue_unavailable
 */
export async function planJob(context: SubmitContext, id: JobId): Promise<JobRecord | undefined> {
  const planned = await bounded("look for the job's plan", () => context.redis.zscore(UNPLANNED_KEY, id));
  if (planned === null) return readJob(context.redis, id);
  const job = await readJob(context.redis, id);
  const waiting = job?.frames.filter((frame) => frame.status === "queued") ?? [];
  if (job !== undefined && waiting.length > 0) {
    await context.queues.add(
      job.model,
      waiting.map((frame) => ({ jobId: id, index: frame.index })),
    );
  }
  await bounded("close the job's plan", () => context.redis.zrem(UNPLANNED_KEY, id));
  return readJob(context.redis, id);
}

/**
 * Takes up jobs whose submit stopped half-way.
 * @throws {FarmError} queue_unavailable
 */
export async function planLeftJobs(context: SubmitContext, nowMs: number): Promise<void> {
  const ids = await bounded("list unplanned jobs", () =>
    context.redis.zrangebyscore(UNPLANNED_KEY, 0, nowMs - UNPLANNED_AFTER_MS, "LIMIT", 0, UNPLANNED_PAGE),
  );
  for (const id of ids) if (isJobId(id)) await planJob(context, id);
}
