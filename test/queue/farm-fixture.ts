import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createJobId,
  type FrameResult,
  type JobEvent,
  type JobId,
  type JobParams,
  type JobRecord,
  type WorkerInfo,
} from "@latentfarm/contract";
import { connectQueue, type Farm, type FrameWork, type NewJob } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { type RedisServer, startRedis } from "../harness/redis.js";

/** Longer than any recovery that the queue promises, so that a stuck test ends with its own message. */
const ENDED_TIMEOUT_MS = 40_000;

/** A Redis with a folder of its own; dispose it with `await using` or in afterAll. */
export async function startQueueRedis(
  settings: Readonly<Record<string, string>> = {},
): Promise<RedisServer & AsyncDisposable> {
  const dir = await mkdtemp(path.join(tmpdir(), "latentfarm-queue-"));
  const redis = await startRedis({ dir, aof: true, settings });
  return {
    ...redis,
    async [Symbol.asyncDispose]() {
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A farm that nothing has happened in. */
export interface FreshFarm {
  readonly farm: Farm;
  /** To look at what the farm keeps. */
  readonly redis: Redis;
  readonly server: RedisServer;
}

/** Gives each test of a file a farm on one Redis, which is emptied before it. */
export function onFreshFarms(give: (own: FreshFarm) => void): void {
  let server: Awaited<ReturnType<typeof startQueueRedis>>;
  let redis: Redis;
  beforeAll(async () => {
    server = await startQueueRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await redis.flushall();
    const farm = await connectQueue({ redisUrl: server.url });
    give({ farm, redis, server });
    return () => farm[Symbol.asyncDispose]();
  });
}

/** A fresh model name, so that tests that share a Redis do not share a queue. */
export function freshModel(): string {
  return `model:${randomBytes(6).toString("hex")}`;
}

/** A checked job. */
export function newJob(model: string, params: Partial<JobParams> = {}): NewJob {
  return {
    id: createJobId({ nowMs: Date.now(), random: randomBytes(10) }),
    tenant: { name: "default", weight: 1, limits: {} },
    model,
    created_at: new Date().toISOString(),
    params: {
      prompt: "a yellow sun",
      negative_prompt: "",
      model,
      width: 64,
      height: 64,
      steps: 4,
      guidance_scale: 1,
      sampler: "euler",
      scheduler: "simple",
      shift: 3,
      seed: "18446744073709551600",
      output_format: "png",
      output_quality: 90,
      num_images: 1,
      metadata: {},
      priority: "normal",
      ...params,
    },
  };
}

/** What a worker would report. */
export function resultOf(frame: FrameWork): FrameResult {
  return {
    index: frame.index,
    seed: frame.params.seed,
    key: `jobs/${frame.jobId}/${frame.index}.png`,
    width: frame.params.width,
    height: frame.params.height,
    format: frame.params.output_format,
    bytes: 100,
    sha256: "0".repeat(64),
    worker: "w",
    plan: "cpu",
    attempt: frame.attempt,
    timings: { queue_ms: 0, text_ms: 0, steps_ms: 0, vae_ms: 0, encode_ms: 0, upload_ms: 0, total_ms: 0 },
  };
}

/** A worker's heartbeat. */
export function workerInfo(id: string, model: string): WorkerInfo {
  const now = new Date().toISOString();
  return {
    id,
    host: "here",
    pid: 1,
    engine_pid: 2,
    plan: "cpu",
    concurrency: 4,
    frames_in_flight: 0,
    rate: null,
    health: "well",
    health_reason: null,
    started_at: now,
    seen_at: now,
    model: {
      name: model,
      architecture: "sd3.5-medium",
      defaults: {
        width: 64,
        height: 64,
        steps: 4,
        guidance_scale: 1,
        sampler: "euler",
        scheduler: "simple",
        shift: 3,
      },
      limits: { width_max: 128, height_max: 128, size_multiple: 16 },
      samplers: ["euler"],
      schedulers: ["simple"],
    },
  };
}

/** Resolves once the job's first frame is with a worker. */
export async function started(farm: Farm, id: JobId): Promise<void> {
  for await (const event of farm.events(id, { signal: AbortSignal.timeout(ENDED_TIMEOUT_MS) })) {
    if (event.type === "job.started") return;
  }
}

/** The whole log of a job, once it has ended. */
export async function readLog(farm: Farm, id: JobId, after = 0): Promise<JobEvent[]> {
  const events: JobEvent[] = [];
  const signal = AbortSignal.timeout(ENDED_TIMEOUT_MS);
  for await (const event of farm.events(id, { after, signal })) events.push(event);
  if (signal.aborted) throw new Error(`job ${id} did not end: ${JSON.stringify(await farm.getJob(id))}`);
  return events;
}

/** The job, once it has ended. */
export async function endOf(farm: Farm, id: JobId): Promise<JobRecord> {
  await readLog(farm, id);
  const job = await farm.getJob(id);
  if (job === undefined) throw new Error(`job ${id} is gone`);
  return job;
}

/** Rejects with the signal's reason when it aborts, as an engine does between steps. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
