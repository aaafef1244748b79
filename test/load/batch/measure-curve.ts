import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type BatchReport, createPipeline, type Pipeline, type PipelineOptions } from "@latentfarm/engine";
import { benchFrame } from "../engine/frame.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";

/** The sizes of the demo model: the smallest that people ask for, its default, the middle, its largest. */
export const SIZES: readonly number[] = [32, 64, 128, 192];

const ROWS: readonly number[] = [1, 2, 4, 8, 16];

/** Repeats of each row count in turns; an odd number has a middle. */
const REPEATS = 9;

/** Steps of each repeat. */
const STEPS = 4;

/** Steps of the frames from which the cap is learnt: every trial on the way to 16 rows, and some again. */
const LEARNING_STEPS = 150;

/** Without guidance a frame is one row. */
const GUIDANCE_OFF = 1;

/** What is read of the table of caps. */
interface CapTable {
  readonly shapes: Readonly<Record<string, { readonly cap: number }>>;
}

/** What one row count gives. */
export interface CurvePoint {
  readonly rows: number;
  readonly stepMs: Summary;
  readonly rowsPerSecond: number;
  /** Rows per second, compared with one row a call. */
  readonly gain: number;
}

/** The curve of one shape, and the cap that the engine chooses for it by itself. */
export interface ShapeCurve {
  readonly size: number;
  readonly points: readonly CurvePoint[];
  /** Rows, as they stand in the table that a worker keeps. */
  readonly cap: number;
}

/** Measures every row count of a size in turns, then lets a fresh pipeline learn the cap from 16 frames. */
export async function measureShape(modelDir: string, size: number): Promise<ShapeCurve> {
  const times = new Map<number, number[]>(ROWS.map((rows) => [rows, []]));
  await withPipeline(modelDir, { batchRows: ROWS.at(-1) ?? 1 }, async (pipeline, batches) => {
    for (const rows of ROWS) await pipeline.render(framesOf(rows, { size, steps: 1 })); // Grows the memory.
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const rows of ROWS) {
        batches.length = 0;
        await pipeline.render(framesOf(rows, { size, steps: STEPS }));
        times.get(rows)?.push(...callsOf(batches, rows).map(({ durationMs }) => durationMs));
      }
    }
  });
  const cap = await learnCap(modelDir, size);
  const perSecond = (rows: number) => (1000 * rows) / summarize(times.get(rows) ?? []).median;
  const points = ROWS.map((rows) => ({
    rows,
    stepMs: summarize(times.get(rows) ?? []),
    rowsPerSecond: perSecond(rows),
    gain: perSecond(rows) / perSecond(1),
  }));
  return { size, points, cap };
}

/** The curves as a table for people. */
export function formatCurves(curves: readonly ShapeCurve[]): string {
  const rows = curves.flatMap(({ size, points, cap }) =>
    points.map(({ rows, stepMs, rowsPerSecond, gain }) => [
      `${size}x${size}`,
      rows,
      stepMs.median.toFixed(2),
      `${stepMs.low.toFixed(2)} to ${stepMs.high.toFixed(2)}`,
      rowsPerSecond.toFixed(1),
      gain.toFixed(2),
      rows === cap ? "cap" : "",
    ]),
  );
  return formatTable(["size", "rows", "ms a step", "deciles", "rows/s", "gain", "chosen"], rows);
}

async function learnCap(modelDir: string, size: number): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), "farm-batch-"));
  try {
    const capsPlace = { dir, device: "bench", warn: (text: string) => console.error(text) };
    await withPipeline(modelDir, { capsPlace }, async (pipeline) => {
      await pipeline.render(framesOf(ROWS.at(-1) ?? 1, { size, steps: LEARNING_STEPS }));
    });
    const [name = ""] = await readdir(dir);
    const table = JSON.parse(await readFile(path.join(dir, name), "utf8")) as CapTable; // The engine's own file.
    return Math.max(...Object.values(table.shapes).map(({ cap }) => cap));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function withPipeline(
  modelDir: string,
  options: PipelineOptions,
  work: (pipeline: Pipeline, batches: BatchReport[]) => Promise<void>,
): Promise<void> {
  const batches: BatchReport[] = [];
  const pipeline = await createPipeline(modelDir, { ...options, onBatch: (batch) => batches.push(batch) });
  try {
    await work(pipeline, batches);
  } finally {
    await pipeline.close();
  }
}

function callsOf(batches: readonly BatchReport[], rows: number): readonly BatchReport[] {
  return batches.filter((batch) => batch.rows === rows);
}

function framesOf(count: number, { size, steps }: { readonly size: number; readonly steps: number }) {
  return Array.from({ length: count }, (_, index) =>
    benchFrame({ seed: String(index), guidance_scale: GUIDANCE_OFF, width: size, height: size, steps }),
  );
}
