import { setTimeout as delay } from "node:timers/promises";
import { type Interval, shareOver, trimmedMean } from "../measure/paired.js";
import { type FrameDrawer, KINDS, type Kind, openFrameDrawer, type TimedCalls } from "./frame-drawer.js";

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

interface Cost {
  readonly processorMs: number;
  readonly wallMs: number;
}

/** Draws the same frame with nothing, metrics, and metrics and traces, in turns, by a real engine process. */
export async function measureTurns(plan: TurnPlan): Promise<TurnFigures> {
  const drawer = await openFrameDrawer(plan);
  const draw = (kind: Kind) => drawBlock(drawer, kind, plan.blockFrames);
  for (const kind of KINDS) await draw(kind);
  const turns: Record<Kind, Cost>[] = [];
  const endsAt = performance.now() + plan.seconds * MS_PER_SECOND;
  while (performance.now() < endsAt || turns.length < ORDERS.length) {
    const turn: Partial<Record<Kind, Cost>> = {};
    for (const kind of ORDERS[turns.length % ORDERS.length] ?? KINDS) turn[kind] = await draw(kind);
    const { off, metrics, traces } = turn;
    if (off !== undefined && metrics !== undefined && traces !== undefined)
      turns.push({ off, metrics, traces });
  }
  const costs = (kind: Kind, of: keyof Cost) => turns.map((turn) => turn[kind][of]);
  const over = (kind: Kind) => ({
    processor: shareOver(costs(kind, "processorMs"), costs("off", "processorMs")),
    wall: shareOver(costs(kind, "wallMs"), costs("off", "wallMs")),
  });
  return {
    ...plan,
    offProcessorMs: trimmedMean(costs("off", "processorMs")),
    offWallMs: trimmedMean(costs("off", "wallMs")),
    metrics: over("metrics"),
    traces: over("traces"),
    ...(await drawer.close()),
  };
}

async function drawBlock(drawer: FrameDrawer, kind: Kind, frames: number): Promise<Cost> {
  const usedBefore = drawer.processorMs();
  const begunAt = performance.now();
  for (let i = 0; i < frames; i++) await drawer.draw(kind);
  const wallMs = performance.now() - begunAt;
  await delay(EXPORT_MS);
  return { processorMs: (drawer.processorMs() - usedBefore) / frames, wallMs: wallMs / frames };
}
