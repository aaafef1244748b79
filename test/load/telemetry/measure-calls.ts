import { createMetrics } from "@latentfarm/telemetry";
import { type Summary, summarize } from "../measure/summary.js";
import { tellBatch, tellFrame, tellRequests } from "./tell-frame.js";

/** Frames of one measurement, and measurements. */
const FRAMES = 200;
const REPEATS = 30;
/** Scrapes of one measurement. */
const SCRAPES = 20;
const MICROSECONDS_PER_MS = 1_000;

/** Seconds between scrapes, as `./farm up --observe` has them. */
export const SCRAPE_SECONDS = 5;

/** What telling costs, all processes together. */
export interface CallFigures {
  /** Steps of the frame, each a batch of its own: the most that a frame can cost. */
  readonly steps: number;
  /** Milliseconds of processor time of the calls of one frame. */
  readonly frameMs: Summary;
  /** Milliseconds of processor time of one scrape of gateway, worker and courier, each with its series. */
  readonly scrapeMs: Summary;
}

/** Times the calls of one frame and the scrapes, alone in this process. */
export async function measureCalls(steps: number): Promise<CallFigures> {
  const [gateway, worker, courier] = [
    createMetrics("gateway"),
    createMetrics("worker"),
    createMetrics("courier"),
  ];
  const batch = {
    rows: 2,
    durationMs: 9.4,
    cap: 16,
    classKey: ":8x8/154",
    limit: "empty",
    outcome: "ok",
    frames: [1],
  } as const;
  const tellOne = () => {
    for (let step = 0; step < steps; step++) tellBatch(worker, batch);
    tellFrame(worker, steps);
    tellRequests(gateway, courier);
  };
  const scrape = async () => {
    for (const metrics of [gateway, worker, courier]) await metrics.text();
  };
  for (let i = 0; i < FRAMES; i++) tellOne();
  const frameMs: number[] = [];
  const scrapeMs: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    frameMs.push(await costMs(FRAMES, tellOne));
    scrapeMs.push(await costMs(SCRAPES, scrape));
  }
  return { steps, frameMs: summarize(frameMs), scrapeMs: summarize(scrapeMs) };
}

/** Of processor time, which other work on the cores leaves alone. */
async function costMs(count: number, call: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MICROSECONDS_PER_MS / count;
}
