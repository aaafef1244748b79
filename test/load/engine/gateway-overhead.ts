import { type FrameParams, type Job, jobSchema } from "@latentfarm/contract";
import type { Pipeline } from "@latentfarm/engine";
import { fetchFrame, post, runJob } from "../../harness/index.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";
import { benchFrame } from "./frame.js";

/** Each draws the picture three times, a second in all on two cores. */
const REPEATS = 15;
const WARM_UPS = 2;

/** Far above the time of one picture; the gateway's own limit is higher. */
const WAIT_SECONDS = 30;

/** The same picture drawn bare and through the farm; milliseconds. */
export interface OverheadFigures {
  readonly bareMs: Summary;
  /** POST with `Prefer: wait`, then GET of the picture. */
  readonly waitMs: Summary;
  /** POST, the event stream to its end, GET of the job, GET of the picture. */
  readonly eventsMs: Summary;
  /** The differences to the bare picture of the same turn. */
  readonly waitOverheadMs: Summary;
  readonly eventsOverheadMs: Summary;
  /** Of the pictures asked for with `Prefer: wait`: what is not text, steps and VAE of the same picture. */
  readonly outsideEngineMs: Summary;
  readonly waitRatio: number;
  readonly eventsRatio: number;
}

/** Draws one picture bare, with `Prefer: wait` and with the event stream, in turns. */
export async function measureOverhead(
  pipeline: Pipeline,
  farmUrl: string,
  frame: FrameParams = benchFrame(),
): Promise<OverheadFigures> {
  const turns: { bare: number; wait: number; events: number; outside: number }[] = [];
  for (let repeat = -WARM_UPS; repeat < REPEATS; repeat++) {
    const bare = await timed(() => pipeline.render([frame]));
    const wait = await timed(() => drawWaiting(farmUrl, frame));
    const events = await timed(async () => fetchFrame(farmUrl, await runJob(farmUrl, frame)));
    if (repeat < 0) continue;
    const outside = wait.ms - engineMs(wait.result);
    turns.push({ bare: bare.ms, wait: wait.ms, events: events.ms, outside });
  }
  const bareMs = summarize(turns.map(({ bare }) => bare));
  const waitMs = summarize(turns.map(({ wait }) => wait));
  const eventsMs = summarize(turns.map(({ events }) => events));
  return {
    bareMs,
    waitMs,
    eventsMs,
    waitOverheadMs: summarize(turns.map(({ wait, bare }) => wait - bare)),
    eventsOverheadMs: summarize(turns.map(({ events, bare }) => events - bare)),
    outsideEngineMs: summarize(turns.map(({ outside }) => outside)),
    waitRatio: waitMs.median / bareMs.median,
    eventsRatio: eventsMs.median / bareMs.median,
  };
}

/** The figures as a table for people. */
export function formatOverhead(figures: OverheadFigures): string {
  const row = (name: string, summary: Summary, ratio: number | undefined) => [
    name,
    summary.median.toFixed(1),
    `${summary.low.toFixed(1)} to ${summary.high.toFixed(1)}`,
    ratio?.toFixed(2) ?? "",
  ];
  return formatTable(
    ["one picture", "ms", "deciles", "ratio to bare"],
    [
      row("bare pipeline", figures.bareMs, 1),
      row("POST with Prefer: wait, GET picture", figures.waitMs, figures.waitRatio),
      row("POST, event stream, GET job, GET picture", figures.eventsMs, figures.eventsRatio),
      row("difference to bare, Prefer: wait", figures.waitOverheadMs, undefined),
      row("difference to bare, event stream", figures.eventsOverheadMs, undefined),
      row("outside the engine, Prefer: wait", figures.outsideEngineMs, undefined),
    ],
  );
}

async function drawWaiting(farmUrl: string, frame: FrameParams): Promise<Job> {
  const response = await post(`${farmUrl}/v1/jobs`, frame, { prefer: `wait=${WAIT_SECONDS}` });
  const job = jobSchema.parse(await response.json());
  await fetchFrame(farmUrl, job);
  return job;
}

function engineMs({ id, frames }: Job): number {
  const timings = frames[0]?.timings;
  if (!timings) throw new Error(`Cannot measure ${id}: it has no finished frame`);
  return timings.text_ms + timings.steps_ms + timings.vae_ms;
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startedAt = performance.now();
  const result = await work();
  return { ms: performance.now() - startedAt, result };
}
