import { setTimeout as delay } from "node:timers/promises";
import type { EndedBatch } from "@latentfarm/engine";
import { createMetrics } from "@latentfarm/telemetry";
import { benchFrame } from "../engine/frame.js";
import { type Interval, shareOver, trimmedMean } from "../measure/paired.js";
import { readThreadsMs } from "../measure/processor-time.js";
import { quantileOf } from "../measure/summary.js";
import { openGatedEngine } from "./gated-engine.js";
import { tellBatches, tellFrame, tellRequests } from "./tell-frame.js";
import { SPANS_PER_FRAME, traceFrame } from "./trace-frame.js";
import { openSunkTracing } from "./trace-sink.js";

const KINDS = ["off", "metrics", "traces"] as const;
/** What is told of a frame: nothing, metrics, or metrics and traces. */
type Kind = (typeof KINDS)[number];

/** Every order of the three: a kind comes as often after each other one, whose caches and garbage it finds. */
const ORDERS: readonly (readonly Kind[])[] = [
  ["off", "metrics", "traces"],
  ["traces", "metrics", "off"],
  ["metrics", "traces", "off"],
  ["off", "traces", "metrics"],
  ["traces", "off", "metrics"],
  ["metrics", "off", "traces"],
];

/** Milliseconds after a block, of any kind, in which the export that its last span set off ends. */
const EXPORT_MS = 25;
const MICROSECONDS_PER_MS = 1_000;
const MS_PER_SECOND = 1_000;

/** How one size is measured. */
export interface TurnPlan {
  /** Pixels a side. */
  readonly side: number;
  readonly steps: number;
  /** Frames of a kind before another kind has its turn: what is told late, such as an export of spans, falls to its own. */
  readonly blockFrames: number;
  readonly seconds: number;
}

/** What telling costs a frame of one size. */
export interface TurnFigures extends TurnPlan {
  /** Milliseconds of a frame while all is off: processor time of worker and engine, and time on the wall. */
  readonly offProcessorMs: number;
  readonly offWallMs: number;
  /** Metrics over off, as a share of off. */
  readonly metrics: { readonly processor: Interval; readonly wall: Interval };
  /** Metrics and traces over off. */
  readonly traces: { readonly processor: Interval; readonly wall: Interval };
  readonly timed: TimedCalls;
  /** Messages with step batches that a frame sends. */
  readonly messages: number;
}

/**
 * Milliseconds on the wall of the calls of a frame, timed where they happen, in the median: beside the turns, and without
 * what they slow. The messages' reading is Node's and not among them.
 */
export interface TimedCalls {
  /** Sending the messages with step batches, in the engine. */
  readonly sentMs: number;
  /** Counting step batches. */
  readonly batchesMs: number;
  /** What is told at the frame's end. */
  readonly endMs: number;
  readonly spansMs: number;
}

interface Cost {
  readonly processorMs: number;
  readonly wallMs: number;
}

/** Draws the same frame with nothing, metrics, and metrics and traces, in turns, by a real engine process. */
export async function measureTurns(plan: TurnPlan): Promise<TurnFigures> {
  const { steps, side, blockFrames, seconds } = plan;
  const [worker, gateway, courier] = [
    createMetrics("worker"),
    createMetrics("gateway"),
    createMetrics("courier"),
  ];
  const told = { batchMs: [] as number[], endMs: [] as number[], spansMs: [] as number[] };
  const time = (list: number[], tell: () => void) => {
    const begunAt = performance.now();
    tell();
    list.push(performance.now() - begunAt);
  };
  await using sunk = await openSunkTracing(blockFrames * SPANS_PER_FRAME);
  const gated = await openGatedEngine((batches: readonly EndedBatch[]) =>
    time(told.batchMs, () => tellBatches(worker, batches)),
  );
  const frame = benchFrame({ steps, width: side, height: side });
  let tags = 0;

  async function draw(kind: Kind): Promise<void> {
    if (kind === "off") return void (await gated.engine.render(frame));
    let drawnMs = 0;
    const drawTagged = async () => {
      const begunAt = performance.now();
      await gated.engine.render(frame, { tag: ++tags });
      drawnMs = performance.now() - begunAt;
    };
    const begunAt = performance.now();
    await (kind === "traces" ? traceFrame(sunk.tracing, drawTagged) : drawTagged());
    if (kind === "traces") told.spansMs.push(performance.now() - begunAt - drawnMs);
    time(told.endMs, () => {
      tellFrame(worker, steps);
      tellRequests(gateway, courier);
    });
  }

  const processorMs = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / MICROSECONDS_PER_MS + readThreadsMs(gated.engine.info.pid ?? 0);
  };

  async function drawBlock(kind: Kind): Promise<Cost> {
    const usedBefore = processorMs();
    const begunAt = performance.now();
    for (let i = 0; i < blockFrames; i++) await draw(kind);
    const wallMs = performance.now() - begunAt;
    await delay(EXPORT_MS);
    return { processorMs: (processorMs() - usedBefore) / blockFrames, wallMs: wallMs / blockFrames };
  }

  for (const kind of KINDS) await drawBlock(kind);
  const costs: Record<Kind, Cost>[] = [];
  const endsAt = performance.now() + seconds * MS_PER_SECOND;
  while (performance.now() < endsAt || costs.length < ORDERS.length) {
    const turn: Partial<Record<Kind, Cost>> = {};
    for (const kind of ORDERS[costs.length % ORDERS.length] ?? KINDS) turn[kind] = await drawBlock(kind);
    const { off, metrics, traces } = turn;
    if (off !== undefined && metrics !== undefined && traces !== undefined)
      costs.push({ off, metrics, traces });
  }
  const sent = await gated.close();
  const messages = sent.messages / tags;
  const processorOf = (kind: Kind) => costs.map((turn) => turn[kind].processorMs);
  const wallOf = (kind: Kind) => costs.map((turn) => turn[kind].wallMs);
  const over = (kind: Kind) => ({
    processor: shareOver(processorOf(kind), processorOf("off")),
    wall: shareOver(wallOf(kind), wallOf("off")),
  });
  return {
    ...plan,
    offProcessorMs: trimmedMean(processorOf("off")),
    offWallMs: trimmedMean(wallOf("off")),
    metrics: over("metrics"),
    traces: over("traces"),
    timed: {
      batchesMs: messages * quantileOf(told.batchMs, 0.5),
      endMs: quantileOf(told.endMs, 0.5),
      spansMs: quantileOf(told.spansMs, 0.5),
      sentMs: messages * sent.ms,
    },
    messages,
  };
}
