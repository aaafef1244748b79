import { NO_TRACING, type Tracing } from "@latentfarm/telemetry";
import { type Summary, summarize } from "../measure/summary.js";
import { traceFrame } from "./trace-frame.js";
import { openSunkTracing } from "./trace-sink.js";

/** Frames of one measurement, and measurements; the SDK sends what it has whenever it has 512 spans. */
const FRAMES = 200;
const REPEATS = 20;
/** Milliseconds after which the last spans of a measurement are sent. */
const SETTLE_MS = 200;
const MICROSECONDS_PER_MS = 1_000;

/** What spans cost, all processes and the sending together; milliseconds of processor time. */
export interface SpanFigures {
  readonly onMs: Summary;
  /** The same calls while traces are off. */
  readonly offMs: Summary;
  /** Bytes that a frame's spans are on the wire. */
  readonly frameBytes: number;
}

/** Times the spans of one frame, made, packed and sent, alone in this process. */
export async function measureSpans(): Promise<SpanFigures> {
  process.env.OTEL_BSP_SCHEDULE_DELAY = String(SETTLE_MS / 2);
  await using sunk = await openSunkTracing();
  const { tracing } = sunk;
  await costMs(tracing);
  const before = sunk.bytes();
  const onMs: number[] = [];
  const offMs: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    onMs.push(await costMs(tracing));
    offMs.push(await costMs(NO_TRACING));
  }
  const frameBytes = (sunk.bytes() - before) / (FRAMES * REPEATS);
  return { onMs: summarize(onMs), offMs: summarize(offMs), frameBytes };
}

/** The queue of the SDK holds 2,048 spans, so frames come in pieces with a pause for it to be emptied. */
async function costMs(tracing: Tracing): Promise<number> {
  const piece = FRAMES / 4;
  const before = process.cpuUsage();
  for (let at = 0; at < FRAMES; at += piece) {
    for (let i = 0; i < piece; i++) await traceFrame(tracing, async () => undefined);
    if (tracing.isOn) await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / MICROSECONDS_PER_MS / FRAMES;
}
