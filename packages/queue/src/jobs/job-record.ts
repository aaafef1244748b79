import {
  type FrameRecord,
  frameSeed,
  invariant,
  type JobHead,
  type JobId,
  type JobRecord,
  jobHeadSchema,
  jobParamsSchema,
  jobWebhookSchema,
  statusSchema,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { jobParamsKey, jobRecordKey, modelOfQueue } from "../keys.js";
import { UNIT_PIXEL_STEPS } from "../limits.js";
import { bounded } from "../redis/errors.js";

/** The fields of a job's record, and its parameters as JSON. */
export interface StoredJob {
  readonly fields: Fields;
  readonly params: string;
}

type Fields = Readonly<Record<string, string>>;

const PIXELS_PER_MEGAPIXEL = 1e6;

/** Megapixel-steps of so many units of work. */
export function costOfUnits(units: number): number {
  return (units * UNIT_PIXEL_STEPS) / PIXELS_PER_MEGAPIXEL;
}

/** The units of work of a cost in megapixel-steps, rounded up. */
export function unitsOfCost(cost: number): number {
  return Math.ceil((cost * PIXELS_PER_MEGAPIXEL) / UNIT_PIXEL_STEPS);
}

/**
 * Reads a job, or gives undefined when Redis does not know it (any more). Its position and ETA are not looked for.
 * @throws {FarmError} queue_unavailable
 */
export async function readJob(redis: Redis, id: JobId): Promise<JobRecord | undefined> {
  const stored = await readStoredJob(redis, id);
  return stored && decodeJob(stored);
}

/**
 * Reads what Redis holds of a job.
 * @throws {FarmError} queue_unavailable
 */
export async function readStoredJob(redis: Redis, id: JobId): Promise<StoredJob | undefined> {
  const [fields, params] = await bounded("read the job", () =>
    Promise.all([redis.hgetall(jobRecordKey(id)), redis.get(jobParamsKey(id))]),
  );
  return fields.status === undefined || params === null ? undefined : { fields: { ...fields, id }, params };
}

/** The fields of a record that say what a job is, apart from its frames. */
const HEAD_FIELDS = [
  "status",
  "tenant",
  "model",
  "created_at",
  "started_ms",
  "finished_ms",
  "start_before_ms",
  "frames",
  "steps",
  "step_units",
  "next",
  "rest",
  "open",
  "stepped",
  "waits",
  "cancel",
  "mark",
  "mark_frames",
  "hook",
  "trace",
  "error",
] as const;

/**
 * Reads what Redis holds of a job apart from its frames: some twenty fields, however many frames it has.
 * @throws {FarmError} queue_unavailable
 */
export function readStoredHead(redis: Redis, id: JobId): Promise<StoredJob | undefined> {
  return readHeadWith(redis, id, []);
}

/**
 * Reads what Redis holds of a job apart from its frames, and some fields of these with it.
 * @throws {FarmError} queue_unavailable
 */
export async function readHeadWith(
  redis: Redis,
  id: JobId,
  names: readonly string[],
): Promise<StoredJob | undefined> {
  const wanted = [...HEAD_FIELDS, ...names];
  const [values, params] = await bounded("read the job's head", () =>
    Promise.all([redis.hmget(jobRecordKey(id), ...wanted), redis.get(jobParamsKey(id))]),
  );
  const fields: Fields = { ...fieldsFrom(wanted, values), id };
  return fields.status === undefined || params === null ? undefined : { fields, params };
}

/** What an HMGET gave, without what is not there. */
export function fieldsFrom(
  names: readonly string[],
  values: readonly (string | null)[],
): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [at, name] of names.entries()) {
    const value = values[at];
    if (typeof value === "string") fields[name] = value;
  }
  return fields;
}

/** What Redis may hold of each frame. */
const FRAME_FIELDS = ["status", "attempt", "result", "error"] as const;

/** The names of all fields of some frames. */
export function frameFields(indices: readonly number[]): string[] {
  return indices.flatMap((index) => FRAME_FIELDS.map((field) => `${index}:${field}`));
}

/** A job without its frames; its position and ETA are not among what Redis holds of it. */
export function decodeHead({ fields, params: text }: StoredJob): JobHead {
  const params = jobParamsSchema.parse(JSON.parse(text));
  const count = Number(fieldOf(fields, "frames"));
  const steps = Number(fieldOf(fields, "steps"));
  return jobHeadSchema.parse({
    id: fields.id,
    tenant: fields.tenant,
    status: fields.status,
    created_at: fields.created_at,
    started_at: timeOf(fields.started_ms),
    finished_at: timeOf(fields.finished_ms),
    model: modelOfQueue(fieldOf(fields, "model")),
    params,
    progress: {
      step: Number(fields.stepped ?? 0),
      steps: steps * count,
      frames_done: count - Number(fieldOf(fields, "open")),
      frames: count,
    },
    start_before: timeOf(fields.start_before_ms),
    cost: costOfUnits(Number(fieldOf(fields, "step_units")) * steps * count),
    webhook: fields.hook === undefined ? null : jobWebhookSchema.parse(JSON.parse(fields.hook)),
    position: null,
    eta_seconds: null,
    eta_low_seconds: null,
    eta_high_seconds: null,
    error: jsonOf(fields.error),
  } satisfies Record<keyof JobHead, unknown>);
}

/** A job out of what Redis holds of it, with its first frames: all of them unless told how many were read. */
export function decodeJob(stored: StoredJob, framesMax = Number.POSITIVE_INFINITY): JobRecord {
  const head = decodeHead(stored);
  const { fields } = stored;
  const silent = silentStatuses(fields);
  const frames = Array.from({ length: Math.min(head.progress.frames, framesMax) }, (_, index) =>
    decodeFrame(fields, { index, seed: head.params.seed, silent: silent(index) }),
  );
  return { ...head, frames };
}

/** The status of a frame where none is written for it alone. */
export function silentStatuses(fields: Fields): (index: number) => string {
  const released = Number(fieldOf(fields, "next"));
  const rest = fieldOf(fields, "rest");
  return (index) => (index < released ? "queued" : rest);
}

/**
 * A frame out of the fields of its job; `silent` is its status where none is written for it alone. Results and errors are
 * the farm's own text, checked when they came in: checking those of 10,000 frames again takes a quarter of a second.
 */
export function decodeFrame(
  fields: Fields,
  frame: { readonly index: number; readonly seed: string; readonly silent: string },
): FrameRecord {
  const { index, seed, silent } = frame;
  return {
    index,
    seed: frameSeed(seed, index),
    status: statusSchema.parse(fields[`${index}:status`] ?? silent),
    attempt: Number(fields[`${index}:attempt`] ?? 0),
    // Written by COMMIT and LEAVE from a FrameResult and a Failure.
    result: jsonOf(fields[`${index}:result`]) as FrameRecord["result"],
    error: jsonOf(fields[`${index}:error`]) as FrameRecord["error"],
  };
}

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
