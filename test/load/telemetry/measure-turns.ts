import path from "node:path";
import { BATCH_ROWS_MAX, type BatchReport, createPipeline } from "@latentfarm/engine";
import { createMetrics } from "@latentfarm/telemetry";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { benchFrame, DEMO_MODEL } from "../engine/frame.js";
import { type Summary, summarize } from "../measure/summary.js";
import { tellBatch, tellFrame } from "./tell-frame.js";
import { traceFrame } from "./trace-frame.js";
import { openSunkTracing } from "./trace-sink.js";

/** Turns of three frames, one of each kind; some 40 s of two cores. */
const TURNS = 40;
const KINDS = ["off", "metrics", "traces"] as const;
const MICROSECONDS_PER_MS = 1_000;

/** What is told of a frame: nothing, metrics, or metrics and traces. */
type Kind = (typeof KINDS)[number];

/** A frame of the demo model with and without telling; milliseconds of processor time. */
export interface TurnFigures {
  readonly steps: number;
  readonly offMs: Summary;
  readonly metricsMs: Summary;
  /** Metrics and traces, the packing and sending of spans included. */
  readonly tracesMs: Summary;
  /** Of frames that ran one after the other: metrics over off, less 1. */
  readonly metricsShare: Summary;
  /** Metrics and traces over off, less 1. */
  readonly tracesShare: Summary;
}

/** Draws the same frame with nothing, metrics, and metrics and traces, in turns that swap which goes first. */
export async function measureTurns(steps: number): Promise<TurnFigures> {
  const metrics = createMetrics("worker");
  await using sunk = await openSunkTracing();
  let isOn = false;
  const onBatch = (batch: BatchReport) => {
    if (isOn) tellBatch(metrics, batch);
  };
  const options = { batchRows: BATCH_ROWS_MAX, onBatch };
  const pipeline = await createPipeline(path.join(REPOSITORY_ROOT, DEMO_MODEL), options);
  const frame = benchFrame({ steps });
  async function drawMs(kind: Kind): Promise<number> {
    isOn = kind !== "off";
    const before = process.cpuUsage();
    if (kind === "traces") await traceFrame(sunk.tracing, () => pipeline.submit(frame));
    else await pipeline.submit(frame);
    if (isOn) tellFrame(metrics, steps);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / MICROSECONDS_PER_MS;
  }
  for (const kind of KINDS) await drawMs(kind);
  const turns: Record<Kind, number>[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const times = { off: 0, metrics: 0, traces: 0 };
    for (let i = 0; i < KINDS.length; i++) {
      const kind = KINDS[(turn + i) % KINDS.length] ?? "off";
      times[kind] = await drawMs(kind);
    }
    turns.push(times);
  }
  await pipeline.close();
  return {
    steps,
    offMs: summarize(turns.map(({ off }) => off)),
    metricsMs: summarize(turns.map((times) => times.metrics)),
    tracesMs: summarize(turns.map(({ traces }) => traces)),
    metricsShare: summarize(turns.map((times) => times.metrics / times.off - 1)),
    tracesShare: summarize(turns.map(({ traces, off }) => traces / off - 1)),
  };
}
