import { setTimeout as delay } from "node:timers/promises";
import { NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import { type Summary, summarize } from "../measure/summary.js";
import { traceFrame } from "./trace-frame.js";
import { openSunkTracing } from "./trace-sink.js";

/** Frames before the first measurement: a farm's processes have run for days. */
const WARM_FRAMES = 2_000;
/** Frames of one measurement, and measurements. */
const FRAMES = 200;
const REPEATS = 8;
/** Milliseconds between two frames: back to back they would find every cache warm, and no farm has that. */
const PACE_MS = 20;
/** Frames between pauses while warming: the SDK holds 2,048 spans, some 20 a frame. */
const WARM_PAGE = 50;
const WARM_PAUSE_MS = 100;
const MICROSECONDS_PER_MS = 1_000;

/** What spans cost, all processes and the packing and sending together; milliseconds of processor time a frame. */
export interface SpanFigures {
  readonly onMs: Summary;
  /** The same calls and pauses while traces are off. */
  readonly offMs: Summary;
}

/** Times the spans of one frame, made, packed and sent, alone in this process. */
export async function measureSpans(): Promise<SpanFigures> {
  await using sunk = await openSunkTracing();
  const { tracing } = sunk;
  for (let i = 0; i < WARM_FRAMES; i++) {
    await traceFrame(tracing, async () => undefined);
    if (i % WARM_PAGE === 0) await delay(WARM_PAUSE_MS);
  }
  const onMs: number[] = [];
  const offMs: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    onMs.push(await costMs(tracing));
    offMs.push(await costMs(NO_TRACING));
  }
  return { onMs: summarize(onMs), offMs: summarize(offMs) };
}

async function costMs(tracing: Tracing): Promise<number> {
  const before = process.cpuUsage();
  for (let i = 0; i < FRAMES; i++) {
    await traceFrame(tracing, async () => undefined);
    await delay(PACE_MS);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MICROSECONDS_PER_MS / FRAMES;
}
