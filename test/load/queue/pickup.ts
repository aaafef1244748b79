import { setTimeout as delay } from "node:timers/promises";
import { connectQueue } from "@latentfarm/queue";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { formatTable } from "../measure/report.js";
import { startRole } from "../measure/role-process.js";
import { type Latency, summarizeLatency } from "../measure/summary.js";
import { benchJob } from "./bench-jobs.js";
import { startBenchRedis } from "./bench-redis.js";
import type { FrameClockCalls } from "./frame-clock.js";

/** Milliseconds that half of the frames may wait for an idle worker. */
export const PICKUP_P50_MS_AIM = 5;

/** The first percent of these has some 6 values. */
const JOBS = 600;
const WARM_UPS = 50;

/** Milliseconds between jobs, so that the worker waits again; the spread keeps clear of any timer's beat. */
const PAUSE_MS_MIN = 20;
const PAUSE_MS_SPREAD = 20;

/** Milliseconds of an idle worker's wait. */
export interface PickupFigures {
  /** From the call of submit() to the worker's call. */
  readonly pickup: Latency;
  /** From the call of submit() to its answer. */
  readonly submit: Latency;
}

/** Submits one job at a time to a worker in another process that waits for it. */
export async function measurePickup(): Promise<PickupFigures> {
  const model = "bench";
  await using redis = await startBenchRedis();
  await using farm = await connectQueue({ redisUrl: redis.url });
  await using worker = startRole<FrameClockCalls>("frame-clock");
  await worker.call("start", { redisUrl: redis.url, model });
  const pickups: number[] = [];
  const submits: number[] = [];
  for (let index = -WARM_UPS; index < JOBS; index++) {
    await delay(PAUSE_MS_MIN + Math.random() * PAUSE_MS_SPREAD);
    const job = benchJob(model, index + WARM_UPS);
    const calledMs = sharedNowMs();
    await farm.submit(job);
    const answeredMs = sharedNowMs();
    const startMs = await worker.call("startOf", job.id);
    if (index < 0) continue;
    pickups.push(startMs - calledMs);
    submits.push(answeredMs - calledMs);
  }
  await worker.call("stop", undefined);
  return { pickup: summarizeLatency(pickups), submit: summarizeLatency(submits) };
}

/** The figures as a table for people. */
export function formatPickup({ pickup, submit }: PickupFigures): string {
  const row = (name: string, { p50, p95, p99, max }: Latency) => [
    name,
    ...[p50, p95, p99, max].map((ms) => ms.toFixed(2)),
  ];
  return formatTable(
    ["one job, an idle worker", "p50 ms", "p95 ms", "p99 ms", "max ms"],
    [row("submit() to the worker's call", pickup), row("submit() to its answer", submit)],
  );
}
