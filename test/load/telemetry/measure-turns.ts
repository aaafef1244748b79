import path from "node:path";
import { BATCH_ROWS_MAX, type BatchReport, createPipeline } from "@latentfarm/engine";
import { createMetrics } from "@latentfarm/telemetry";
import { REPOSITORY_ROOT } from "../../harness/index.js";
import { benchFrame, DEMO_MODEL } from "../engine/frame.js";
import { type Summary, summarize } from "../measure/summary.js";
import { tellBatch, tellFrame } from "./tell-frame.js";

/** Pairs of frames, one with and one without; some 40 s of two cores. */
const PAIRS = 60;
const MICROSECONDS_PER_MS = 1_000;

/** A frame of the demo model with and without telling; milliseconds of processor time. */
export interface TurnFigures {
  readonly steps: number;
  readonly offMs: Summary;
  readonly onMs: Summary;
  /** Of pairs that ran one after the other: on over off, less 1. */
  readonly share: Summary;
}

/** Draws the same frame with metrics on and off, in turns that swap which goes first. */
export async function measureTurns(steps: number): Promise<TurnFigures> {
  const metrics = createMetrics("worker");
  let isOn = false;
  const onBatch = (batch: BatchReport) => {
    if (isOn) tellBatch(metrics, batch);
  };
  const options = { batchRows: BATCH_ROWS_MAX, onBatch };
  const pipeline = await createPipeline(path.join(REPOSITORY_ROOT, DEMO_MODEL), options);
  const frame = benchFrame({ steps });
  async function drawMs(on: boolean): Promise<number> {
    isOn = on;
    const before = process.cpuUsage();
    await pipeline.submit(frame);
    if (on) tellFrame(metrics, steps);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / MICROSECONDS_PER_MS;
  }
  await drawMs(true);
  await drawMs(false);
  const pairs: { on: number; off: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const first = pair % 2 === 0;
    const a = await drawMs(first);
    const b = await drawMs(!first);
    pairs.push(first ? { on: a, off: b } : { on: b, off: a });
  }
  await pipeline.close();
  return {
    steps,
    offMs: summarize(pairs.map(({ off }) => off)),
    onMs: summarize(pairs.map(({ on }) => on)),
    share: summarize(pairs.map(({ on, off }) => on / off - 1)),
  };
}
