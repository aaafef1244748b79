import { createHash } from "node:crypto";
import {
  FarmError,
  frameCost,
  frameSeed,
  invariant,
  isJobId,
  type JobId,
  type JobRecord,
  LIMITS,
} from "@latentfarm/contract";
import { type Tracing, tenantClassOf } from "@latentfarm/telemetry";
import type { Redis } from "ioredis";
import { predictDraft, withEstimate } from "../estimate/job-estimate.js";
import type { OrderSnapshot, OrderSnapshots } from "../estimate/order-snapshot.js";
import type { Prediction } from "../estimate/predict.js";
import type { Forecast, Idempotency, JobDraft, NewJob } from "../farm.js";
import type { FrameQueues } from "../frames/frame-queues.js";
import type { Releaser } from "../frames/release-frames.js";
import { FARM_USAGE_KEY, idempotencyKey, jobEventsKey, jobRecordKey, queueModel, usageKey } from "../keys.js";
import { bounded } from "../redis/errors.js";
import { runScript } from "../redis/run-script.js";
import { CREATE } from "../scripts/jobs.js";
import { costOfUnits, unitsOfCost } from "./job-record.js";
import { quotaRefusal } from "./quota-refusal.js";
import { readShownJob } from "./read-job.js";

/** What taking a job in needs. */
export interface SubmitContext {
  readonly redis: Redis;
  readonly queues: FrameQueues;
  readonly releaser: Releaser;
  readonly snapshots: OrderSnapshots;
  readonly tracing: Tracing;
}

const MS_PER_SECOND = 1_000;
const THOUSANDTHS = 1_000;

/**
 * Takes a job in by one script: limits, idempotency, record, first event and its place in the order. From there on it is
 * the farm's: its frames are released by whichever process comes first, this one for an idle farm.
 * @throws {FarmError} idempotency_conflict; quota_exceeded; overloaded; queue_unavailable
 */
export function submitJob(context: SubmitContext, job: NewJob): Promise<JobRecord> {
  const attributes = {
    "messaging.system": "bullmq",
    "messaging.operation.type": "send",
    "messaging.destination.name": "frames",
    "farm.job.id": job.id,
    "farm.job.frames": job.params.num_images,
    "farm.model": job.model,
    "farm.tenant.class": tenantClassOf(job.tenant.name),
  } as const;
  return context.tracing.span("submit", attributes, async (span) => {
    const record = await createJob(context, job);
    // Of two submits with one key the first has made the job.
    if (record.id !== job.id) span.set({ "farm.job.id": record.id });
    return record;
  });
}

async function createJob(context: SubmitContext, job: NewJob): Promise<JobRecord> {
  const snapshot = await context.snapshots.get(job.model);
  const prediction = predictDraft(snapshot, job);
  const created = runScript(context.redis, CREATE, {
    keys: [
      jobRecordKey(job.id),
      jobEventsKey(job.id),
      ...(job.idempotency ? [keyOf(job.tenant.name, job.idempotency)] : []),
    ],
    args: [...createArguments(job, prediction), context.tracing.write(context.tracing.active())],
  });
  // The release goes out behind it on the same connection, so that the frames of an idle farm lose no time.
  context.releaser.poke(job.model);
  const [outcome, first, present] = await created;
  if (outcome === "full") throw farmFull();
  if (outcome === "quota")
    throw quotaRefusal(job, snapshot, { limit: String(first), present: Number(present) });
  invariant(first !== undefined && isJobId(first), "the record of a new job names its id");
  if (outcome === "conflict") throw conflict(first);
  if (outcome === "created") return withEstimate(newRecord(job), prediction);
  const known = await readShownJob(context.redis, first);
  invariant(known !== undefined, "a job that is known is there");
  return known;
}

/** What would become of a job; nothing is queued. */
export async function forecastJob({ redis, snapshots }: SubmitContext, draft: JobDraft): Promise<Forecast> {
  const snapshot = await snapshots.get(draft.model);
  const { position, eta } = predictDraft(snapshot, draft);
  const [[cost, frames], farmFrames] = await bounded("read the usage", () =>
    Promise.all([
      redis.hmget(usageKey(draft.tenant.name), "cost", "frames"),
      redis.hget(FARM_USAGE_KEY, "frames"),
    ]),
  );
  const open = { units: Number(cost), frames: Number(frames), farmFrames: Number(farmFrames) };
  return { reason: reasonAgainst(draft, snapshot, open), position, eta };
}

/**
 * The job that a key and a body stand for, if they came before.
 * @throws {FarmError} idempotency_conflict; queue_unavailable
 */
export async function findSubmitted(
  { redis }: Pick<SubmitContext, "redis">,
  tenant: string,
  idempotency: Idempotency,
): Promise<JobRecord | undefined> {
  const text = await bounded("look for the key", () => redis.get(keyOf(tenant, idempotency)));
  if (text === null) return undefined;
  const { job: id, hash } = JSON.parse(text);
  invariant(isJobId(id), "an idempotency key names a job");
  if (hash !== idempotency.bodyHash) throw conflict(id);
  return readShownJob(redis, id);
}

/** In the order in which the script takes them, but for the last, the place in the trace. */
function createArguments(job: NewJob, { eta }: Prediction): readonly (string | number)[] {
  const { tenant, params, webhook } = job;
  const { queued_cost_max: costMax, concurrent_frames_max: framesMax } = tenant.limits;
  const part = (seconds: number) =>
    Math.round((seconds / Math.max(eta?.seconds ?? 1, Number.EPSILON)) * THOUSANDTHS);
  return [
    job.id,
    tenant.name,
    queueModel(job.model),
    params.priority,
    job.created_at,
    params.num_images,
    params.steps,
    unitsOfCost(frameCost({ ...params, steps: 1 })),
    JSON.stringify(params),
    job.idempotency?.bodyHash ?? "",
    // The farm's own clock decides: this process gives a span, not a time.
    job.start_before === undefined ? 0 : Date.parse(job.start_before) - Date.parse(job.created_at),
    webhook === undefined ? "" : JSON.stringify(webhook),
    webhook === undefined ? "" : `,${webhook.events.join(",")},`,
    eta === null ? 0 : Math.max(1, Math.round(eta.seconds * MS_PER_SECOND)),
    eta === null ? 0 : part(eta.low_seconds),
    eta === null ? 0 : part(eta.high_seconds),
    costMax === undefined ? 0 : unitsOfCost(costMax),
    framesMax ?? 0,
    LIMITS.farm_frames_max,
  ];
}

/** A job as it stands right after it was taken in. */
function newRecord(job: NewJob): JobRecord {
  const { params } = job;
  const count = params.num_images;
  return {
    id: job.id,
    tenant: job.tenant.name,
    status: "queued",
    created_at: job.created_at,
    started_at: null,
    finished_at: null,
    model: job.model,
    params,
    progress: { step: 0, steps: count * params.steps, frames_done: 0, frames: count },
    start_before: job.start_before ?? null,
    cost: count * frameCost(params),
    webhook: job.webhook ?? null,
    position: null,
    eta_seconds: null,
    eta_low_seconds: null,
    eta_high_seconds: null,
    frames: Array.from({ length: Math.min(count, LIMITS.job_frames_shown_max) }, (_, index) => ({
      index,
      seed: frameSeed(params.seed, index),
      status: "queued" as const,
      attempt: 0,
      result: null,
      error: null,
    })),
    error: null,
  };
}

function reasonAgainst(
  { tenant, model, params }: JobDraft,
  snapshot: OrderSnapshot,
  present: { readonly units: number; readonly frames: number; readonly farmFrames: number },
): string | null {
  if (snapshot.workers === 0) return `no live worker serves model ${model}`;
  if (present.farmFrames + params.num_images > LIMITS.farm_frames_max)
    return `the farm is full: limit farm_frames_max is ${LIMITS.farm_frames_max}`;
  const { queued_cost_max: costMax, concurrent_frames_max: framesMax } = tenant.limits;
  const cost = costOfUnits(present.units) + frameCost(params) * params.num_images;
  if (costMax !== undefined && cost > costMax) return `limit queued_cost_max is ${costMax}, would be ${cost}`;
  const open = present.frames + params.num_images;
  if (framesMax !== undefined && open > framesMax)
    return `limit concurrent_frames_max is ${framesMax}, would be ${open}`;
  return null;
}

function keyOf(tenant: string, { key }: Idempotency): string {
  return idempotencyKey(createHash("sha256").update(`${tenant}\n${key}`).digest("hex"));
}

function conflict(id: JobId): FarmError {
  return new FarmError(
    "idempotency_conflict",
    `Cannot take the job as its Idempotency-Key came with another body: first job is ${id}`,
    { details: { job: id } },
  );
}

function farmFull(): FarmError {
  return new FarmError(
    "overloaded",
    `Cannot take the job as the farm is full: limit farm_frames_max is ${LIMITS.farm_frames_max}, or its Redis is out of room`,
  );
}
