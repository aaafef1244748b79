import type { BatchReport, Pipeline } from "@latentfarm/engine";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";
import { benchFrame } from "./frame.js";

const ROWS: readonly number[] = [1, 2, 4, 8, 16];

/** Each takes about 2 s on two cores; an odd number has a middle. */
const REPEATS = 9;

/** Without guidance a frame is one row. */
const GUIDANCE_OFF = 1;

/** The figures of one batch size; milliseconds. */
export interface RowFigures {
  readonly rows: number;
  /** One denoiser call. */
  readonly stepMs: Summary;
  /** From submitting all frames to the last picture, divided by the frames. */
  readonly pictureMs: Summary;
  readonly stepMsPerRow: number;
  /** What a row costs compared with a row alone, from the medians. */
  readonly ratioToOneRow: number;
}

/** What the pipeline is opened with, and what it reports to. */
export interface BareBench {
  readonly pipeline: Pipeline;
  /** Filled by the pipeline's `onBatch`. */
  readonly batches: BatchReport[];
}

/** Draws 1 to 16 frames of one row together, sizes taking turns in each repeat so that other work hits all alike. */
export async function measureRows({ pipeline, batches }: BareBench): Promise<RowFigures[]> {
  const steps = new Map<number, number[]>(ROWS.map((rows) => [rows, []]));
  const pictures = new Map<number, number[]>(ROWS.map((rows) => [rows, []]));
  await pipeline.render(framesOf(ROWS.at(-1) ?? 1)); // The first run grows the memory.
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const rows of ROWS) {
      batches.length = 0;
      const startedAt = performance.now();
      await pipeline.render(framesOf(rows));
      pictures.get(rows)?.push((performance.now() - startedAt) / rows);
      const full = batches.filter((batch) => batch.rows === rows);
      steps.get(rows)?.push(...full.map(({ durationMs }) => durationMs));
    }
  }
  const perRow = (rows: number) => summarize(steps.get(rows) ?? []).median / rows;
  return ROWS.map((rows) => ({
    rows,
    stepMs: summarize(steps.get(rows) ?? []),
    pictureMs: summarize(pictures.get(rows) ?? []),
    stepMsPerRow: perRow(rows),
    ratioToOneRow: perRow(rows) / perRow(1),
  }));
}

/** The figures as a table for people. */
export function formatRows(figures: readonly RowFigures[]): string {
  const rows = figures.map(({ rows, stepMs, stepMsPerRow, ratioToOneRow, pictureMs }) => [
    rows,
    stepMs.median.toFixed(2),
    `${stepMs.low.toFixed(2)} to ${stepMs.high.toFixed(2)}`,
    stepMsPerRow.toFixed(2),
    ratioToOneRow.toFixed(2),
    pictureMs.median.toFixed(0),
    `${pictureMs.low.toFixed(0)} to ${pictureMs.high.toFixed(0)}`,
  ]);
  return formatTable(
    ["rows", "ms a step", "deciles", "ms a row", "ratio to 1 row", "ms a picture", "deciles"],
    rows,
  );
}

function framesOf(count: number): ReturnType<typeof benchFrame>[] {
  return Array.from({ length: count }, (_, index) =>
    benchFrame({ seed: String(index), guidance_scale: GUIDANCE_OFF }),
  );
}
