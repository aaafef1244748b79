import {
  type FrameRecord,
  frameSeed,
  invariant,
  isTerminal,
  type JobId,
  type JobRecord,
  jobParamsSchema,
  jobRecordSchema,
  statusSchema,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { frameQueueId, frameQueueName, jobRecordKey, PREFIX } from "../keys.js";
import { bounded } from "../redis/errors.js";

type Fields = Readonly<Record<string, string>>;

/**
 * Reads a job, or gives undefined when Redis does not know it (any more).
 * @throws {FarmError} queue_unavailable
 */
export async function readJob(redis: Redis, id: JobId): Promise<JobRecord | undefined> {
  const fields = await bounded("read the job", () => redis.hgetall(jobRecordKey(id)));
  if (fields.status === undefined) return undefined;
  const job = decodeJob(fields);
  const first = job.frames.find((frame) => frame.status === "queued");
  if (first === undefined) return job;
  // BullMQ keeps waiting frames with a priority in this sorted set, in the order in which they run.
  const waiting = `${PREFIX}:${frameQueueName(job.model)}:prioritized`;
  const rank = await bounded("read the queue position", () =>
    redis.zrank(waiting, frameQueueId(id, first.index)),
  );
  return { ...job, position: rank };
}

/** A job out of the fields of its record; its position is not among them. */
export function decodeJob(fields: Fields): JobRecord {
  const params = jobParamsSchema.parse(JSON.parse(fieldOf(fields, "params")));
  const frames = Array.from({ length: Number(fieldOf(fields, "frames")) }, (_, index) =>
    decodeFrame(fields, index, params.seed),
  );
  const stepsPerFrame = Number(fieldOf(fields, "steps"));
  return jobRecordSchema.parse({
    id: fields.id,
    tenant: fields.tenant,
    status: fields.status,
    created_at: fields.created_at,
    started_at: timeOf(fields.started_ms),
    finished_at: timeOf(fields.finished_ms),
    model: fields.model,
    params,
    progress: {
      step: frames.reduce((sum, frame) => sum + Number(fields[`${frame.index}:step`] ?? 0), 0),
      steps: stepsPerFrame * frames.length,
      frames_done: frames.filter((frame) => isTerminal(frame.status)).length,
      frames: frames.length,
    },
    position: null,
    start_before: null,
    cost: 0,
    webhook: null,
    eta_seconds: null,
    eta_low_seconds: null,
    eta_high_seconds: null,
    frames,
    error: jsonOf(fields.error),
  } satisfies Record<keyof JobRecord, unknown>);
}

function decodeFrame(
  fields: Fields,
  index: number,
  jobSeed: string,
): Record<keyof FrameRecord, unknown> & FrameState {
  return {
    index,
    seed: frameSeed(jobSeed, index),
    status: statusSchema.parse(fields[`${index}:status`]),
    attempt: Number(fieldOf(fields, `${index}:attempt`)),
    result: jsonOf(fields[`${index}:result`]),
    error: jsonOf(fields[`${index}:error`]),
  };
}

type FrameState = Pick<FrameRecord, "index" | "status">;

function fieldOf(fields: Fields, name: string): string {
  const value = fields[name];
  invariant(value !== undefined, `a job record has no field ${name}`);
  return value;
}

function timeOf(ms: string | undefined): string | null {
  return ms === undefined ? null : new Date(Number(ms)).toISOString();
}

function jsonOf(text: string | undefined): unknown {
  return text === undefined ? null : JSON.parse(text);
}
