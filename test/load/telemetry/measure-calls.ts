import { createMetrics } from "@latentfarm/telemetry";
import { type Summary, summarize } from "../measure/summary.js";
import { tellBatch, tellFrame, tellRequests } from "./tell-frame.js";

/** Frames of one measurement, and measurements. */
const FRAMES = 200;
const REPEATS = 30;
/** Scrapes of one measurement. */
const SCRAPES = 20;

/** Seconds between scrapes, as `./farm up --observe` has them. */
export const SCRAPE_SECONDS = 5;

/** What telling costs, all processes together. */
export interface CallFigures {
  /** Steps of the frame, each a batch of its own: the most that a frame can cost. */
  readonly steps: number;
  /** Milliseconds of the calls of one frame. */
  readonly frameMs: Summary;
  /** Milliseconds of one scrape of gateway, worker and courier, each with its series. */
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
  for (let i = 0; i < FRAMES; i++) tellOne();
  const frameMs: number[] = [];
  const scrapeMs: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    frameMs.push(timed(FRAMES, tellOne));
    const startMs = performance.now();
    for (let i = 0; i < SCRAPES; i++) for (const metrics of [gateway, worker, courier]) await metrics.text();
    scrapeMs.push((performance.now() - startMs) / SCRAPES);
  }
  return { steps, frameMs: summarize(frameMs), scrapeMs: summarize(scrapeMs) };
}

function timed(count: number, call: () => void): number {
  const startMs = performance.now();
  for (let i = 0; i < count; i++) call();
  return (performance.now() - startMs) / count;
}
