import path from "node:path";
import { BATCH_ROWS_MAX, createPipeline, type Pipeline } from "@latentfarm/engine";
import { REPOSITORY_ROOT, runJob, startTestFarm } from "../../harness/index.js";
import { FARM_PROCESSES } from "../engine/farm-memory.js";
import { benchFrame, DEMO_MODEL } from "../engine/frame.js";
import { measureOverhead, type OverheadFigures } from "../engine/gateway-overhead.js";
import { listDescendants } from "../measure/process-memory.js";
import { readProcessorMs } from "../measure/processor-time.js";
import { formatTable } from "../measure/report.js";
import { type Summary, summarize } from "../measure/summary.js";

/** The share of a frame's time that the farm itself may take. */
export const OVERHEAD_SHARE_AIM = 0.03;

/** Steps of one picture: the demo model's own, and the most that a job may have, some 1 s on two cores. */
const STEPS: readonly number[] = [20, 150];

/** Pictures of the job that keeps a worker full; as many at once as a worker takes. */
const PICTURES = 48;
const PICTURES_TOGETHER = 16;

/** Of some 5 s each way. */
const REPEATS = 5;

/** One picture at a time. */
export interface PictureOverhead {
  readonly steps: number;
  readonly figures: OverheadFigures;
  /** Of the bare picture's time, by the medians. */
  readonly share: number;
}

/** A worker that is kept full; milliseconds a picture. */
export interface FullOverhead {
  readonly bareMs: Summary;
  readonly farmMs: Summary;
  readonly share: number;
  /** Processor time of gateway, worker and Redis: what the farm itself takes when the engine computes elsewhere. */
  readonly processorMs: number;
}

/** What the farm adds to the bare pipeline. */
export interface ShareFigures {
  readonly pictures: readonly PictureOverhead[];
  readonly full: FullOverhead;
  /** Milliseconds that a picture must take for the aim, by what the farm adds to one picture of the demo model. */
  readonly frameMsForAim: number;
}

/** Draws the same pictures bare and through a whole farm, in turns. */
export async function measureShare(): Promise<ShareFigures> {
  const options = { batchRows: BATCH_ROWS_MAX };
  const pipeline = await createPipeline(path.join(REPOSITORY_ROOT, DEMO_MODEL), options);
  await using farm = await startTestFarm({ env: { FARM_LOG_LEVEL: "info" } });
  const pictures: PictureOverhead[] = [];
  for (const steps of STEPS) {
    const figures = await measureOverhead(pipeline, farm.url, benchFrame({ steps }));
    pictures.push({ steps, figures, share: figures.waitOverheadMs.median / figures.bareMs.median });
  }
  const full = await measureFull(pipeline, farm.url);
  await pipeline.close();
  const addedMs = pictures[0]?.figures.waitOverheadMs.median ?? 0;
  return { pictures, full, frameMsForAim: addedMs / OVERHEAD_SHARE_AIM };
}

/** The figures as a table for people. */
export function formatShare({ pictures, full, frameMsForAim }: ShareFigures): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)}%`;
  const single = pictures.map(({ steps, figures, share }) => [
    `one picture of ${steps} steps, Prefer: wait`,
    figures.bareMs.median.toFixed(1),
    figures.waitMs.median.toFixed(1),
    figures.waitOverheadMs.median.toFixed(1),
    percent(share),
  ]);
  const filled = [
    `a job of ${PICTURES}, ${PICTURES_TOGETHER} at once, per picture`,
    full.bareMs.median.toFixed(1),
    full.farmMs.median.toFixed(1),
    (full.farmMs.median - full.bareMs.median).toFixed(1),
    percent(full.share),
  ];
  return [
    formatTable(["demo model, 64x64", "bare ms", "farm ms", "added ms", "share"], [...single, filled]),
    `What is added to one picture is under ${percent(OVERHEAD_SHARE_AIM)} of it from ${(frameMsForAim / 1_000).toFixed(2)} s a picture on. ` +
      `Gateway, worker and Redis use ${full.processorMs.toFixed(1)} ms of processor time a picture of a full worker: ` +
      `under ${percent(OVERHEAD_SHARE_AIM)} from ${(full.processorMs / OVERHEAD_SHARE_AIM / 1_000).toFixed(2)} s a picture on, even where they share the engine's cores. ` +
      "The farm's processes share the two cores with the engine here; it also encodes and stores a PNG, which the bare pipeline does not.",
  ].join("\n\n");
}

async function measureFull(pipeline: Pipeline, farmUrl: string): Promise<FullOverhead> {
  const bare: number[] = [];
  const farm: number[] = [];
  const processor: number[] = [];
  for (let repeat = -1; repeat < REPEATS; repeat++) {
    const bareMs = await timeOf(() => drawBare(pipeline));
    const beforeMs = readFarmMs();
    const farmMs = await timeOf(() => runJob(farmUrl, { ...benchFrame(), num_images: PICTURES }));
    const usedMs = readFarmMs() - beforeMs;
    if (repeat < 0) continue; // The first turn grows memory.
    bare.push(bareMs / PICTURES);
    farm.push(farmMs / PICTURES);
    processor.push(usedMs / PICTURES);
  }
  const bareMs = summarize(bare);
  const farmMs = summarize(farm);
  const share = farmMs.median / bareMs.median - 1;
  return { bareMs, farmMs, share, processorMs: summarize(processor).median };
}

/** Processor time of the farm's processes without the engine, the children of this one. */
function readFarmMs(): number {
  const own = [...FARM_PROCESSES].flatMap(([name, part]) => (name === "engine" ? [] : [part]));
  return listDescendants(process.pid)
    .filter(({ command }) => own.some((part) => command.includes(part)))
    .reduce((sum, { pid }) => sum + readProcessorMs(pid), 0);
}

/** Keeps as many pictures under way as a worker does. */
async function drawBare(pipeline: Pipeline): Promise<void> {
  const left = Array.from({ length: PICTURES }, (_, seed) => benchFrame({ seed: String(seed) })).values();
  const drawNext = async (): Promise<void> => {
    for (const frame of left) await pipeline.render([frame]);
  };
  await Promise.all(Array.from({ length: PICTURES_TOGETHER }, drawNext));
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
