import { setTimeout as delay } from "node:timers/promises";
import { connectQueue } from "@latentfarm/queue";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { formatTable } from "../measure/report.js";
import { startRole } from "../measure/role-process.js";
import { type Latency, summarizeLatency } from "../measure/summary.js";
import { planJobSizes, submitJobs } from "./bench-jobs.js";
import { type BenchRedis, startBenchRedis } from "./bench-redis.js";
import type { FrameClockCalls } from "./frame-clock.js";

const LEVELS: readonly number[] = [1_000, 10_000, 100_000, 1_000_000];

/** Frames that are taken at each level; the smallest level has them. */
const CLAIMS = 500;
const WARM_UPS = 100;

/** Milliseconds after a fill in which frames may still be on their way into the queue. */
const FILL_SETTLE_MS = 2_000;

/** One backlog. */
export interface ClaimLevel {
  readonly queuedFrames: number;
  /** From one frame's end to the worker's call with the next. */
  readonly claim: Latency;
  readonly framesPerSecond: number;
  /** What taking in the frames of this level took. */
  readonly fillSeconds: number;
  readonly redisBytes: number;
}

/** Taking frames out of ever longer backlogs. */
export interface ClaimFigures {
  readonly levels: readonly ClaimLevel[];
}

/** How far it goes. */
export interface ClaimOptions {
  /** The longest backlog. */
  readonly framesMax?: number;
}

/** Fills the queue level by level and takes frames out with one worker, one at a time. */
export async function measureClaim(options: ClaimOptions = {}): Promise<ClaimFigures> {
  const { framesMax = Number.POSITIVE_INFINITY } = options;
  await using redis = await startBenchRedis();
  const levels: ClaimLevel[] = [];
  let queued = 0;
  for (const level of LEVELS.filter((frames) => frames <= framesMax)) {
    const fillSeconds = await fill(redis, level - queued);
    levels.push(await takeFrames(redis, { queuedFrames: level, fillSeconds }));
    queued = level - CLAIMS - WARM_UPS;
  }
  return { levels };
}

/** The figures as a table for people. */
export function formatClaim({ levels }: ClaimFigures): string {
  const first = levels[0]?.claim.p50 ?? 0;
  return formatTable(
    ["frames queued", "p50 ms", "p95 ms", "p99 ms", "max ms", "frames/s", "p50 to the first", "s to fill"],
    levels.map(({ queuedFrames, claim, framesPerSecond, fillSeconds }) => [
      queuedFrames.toLocaleString("en"),
      ...[claim.p50, claim.p95, claim.p99, claim.max].map((ms) => ms.toFixed(2)),
      framesPerSecond.toFixed(0),
      (claim.p50 / first).toFixed(2),
      fillSeconds.toFixed(1),
    ]),
  );
}

async function fill(redis: BenchRedis, frames: number): Promise<number> {
  const startedMs = sharedNowMs();
  await using farm = await connectQueue({ redisUrl: redis.url });
  await submitJobs(farm, "bench", planJobSizes(frames));
  const seconds = (sharedNowMs() - startedMs) / 1_000;
  await delay(FILL_SETTLE_MS);
  await redis.settled();
  return seconds;
}

async function takeFrames(
  redis: BenchRedis,
  level: Pick<ClaimLevel, "queuedFrames" | "fillSeconds">,
): Promise<ClaimLevel> {
  const { usedBytes } = await redis.figures();
  await using worker = startRole<FrameClockCalls>("frame-clock");
  await worker.call("start", { redisUrl: redis.url, model: "bench" });
  await worker.call("gaps", WARM_UPS);
  const startedMs = sharedNowMs();
  const gaps = await worker.call("gaps", CLAIMS);
  const seconds = (sharedNowMs() - startedMs) / 1_000;
  await worker.call("stop", undefined);
  return {
    ...level,
    claim: summarizeLatency(gaps),
    framesPerSecond: CLAIMS / seconds,
    redisBytes: usedBytes,
  };
}
