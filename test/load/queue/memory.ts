import { setTimeout as delay } from "node:timers/promises";
import { connectQueue } from "@latentfarm/queue";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { formatTable, megabytes } from "../measure/report.js";
import { submitJobs } from "./bench-jobs.js";
import { startBenchRedis } from "./bench-redis.js";

/** Bytes of Redis that a queued frame may take. */
export const FRAME_BYTES_AIM = 2_000;

const FRAMES = 100_000;

/** Frames of one job: alone is the worst case, since each then has a job's record and log of its own. */
const FRAMES_PER_JOB: readonly number[] = [1, 100, 10_000];

/** Milliseconds after the last answer in which frames may still be on their way into the queue. */
const SETTLE_MS = 3_000;

/** One size of jobs. */
export interface MemoryRow {
  readonly framesPerJob: number;
  readonly frames: number;
  readonly redisBytes: number;
  readonly bytesPerFrame: number;
  /** Over one connection, without a gateway. */
  readonly jobsPerSecond: number;
}

/** What a backlog takes in Redis. */
export interface MemoryFigures {
  readonly rows: readonly MemoryRow[];
}

/** How much is queued. */
export interface MemoryOptions {
  readonly frames?: number;
}

/** Queues the same number of frames in small and large jobs, each on a fresh Redis. */
export async function measureMemory({ frames = FRAMES }: MemoryOptions = {}): Promise<MemoryFigures> {
  const rows: MemoryRow[] = [];
  for (const framesPerJob of FRAMES_PER_JOB.filter((size) => size <= frames)) {
    rows.push(await measureRow(framesPerJob, frames));
  }
  return { rows };
}

/** The figures as a table for people. */
export function formatMemory({ rows }: MemoryFigures): string {
  return formatTable(
    ["frames of a job", "frames queued", "Redis", "bytes a frame", "jobs taken in a second"],
    rows.map(({ framesPerJob, frames, redisBytes, bytesPerFrame, jobsPerSecond }) => [
      framesPerJob.toLocaleString("en"),
      frames.toLocaleString("en"),
      megabytes(redisBytes),
      bytesPerFrame.toFixed(0),
      jobsPerSecond.toFixed(0),
    ]),
  );
}

async function measureRow(framesPerJob: number, frames: number): Promise<MemoryRow> {
  await using redis = await startBenchRedis();
  await using farm = await connectQueue({ redisUrl: redis.url });
  // The scripts themselves take memory once.
  await submitJobs(farm, "bench", [1]);
  await delay(SETTLE_MS);
  const before = await redis.figures();
  const sizes = Array.from({ length: Math.floor(frames / framesPerJob) }, () => framesPerJob);
  const startedMs = sharedNowMs();
  await submitJobs(farm, "bench", sizes);
  const seconds = (sharedNowMs() - startedMs) / 1_000;
  await delay(SETTLE_MS);
  await redis.settled();
  const redisBytes = (await redis.figures()).usedBytes - before.usedBytes;
  const queued = sizes.length * framesPerJob;
  return {
    framesPerJob,
    frames: queued,
    redisBytes,
    bytesPerFrame: redisBytes / queued,
    jobsPerSecond: sizes.length / seconds,
  };
}
