import { guide, leadFromSkipped, sigmaRange } from "@latentfarm/sampling";
import { describe, expect, test } from "vitest";
import { packRows } from "../pipeline/denoiser.js";
import type { FrameRun } from "./frame-run.js";
import type { RowBatch } from "./row-batch.js";
import { createStepBatcher } from "./step-batcher.js";
import { fakeRun } from "./testing/fake-run.js";

const BLOCKS = [7, 8];
const always = { blocks: BLOCKS, scale: 3, range: { high: 1, low: 0 } };

/** Steps a run to its end; velocities are constant by row, and the skipped row's is its own. */
function stepAlone(run: FrameRun): { rows: number[][]; denoised: Float32Array[] } {
  const rows: number[][] = [];
  const denoised: Float32Array[] = [];
  while (run.state === "stepping") {
    const pending = [...run.pendingRows()];
    rows.push(pending);
    const { latent } = run.request();
    for (const row of pending) run.takeVelocity(row, velocityOf(row, latent.length));
    denoised.push(run.denoised() ?? new Float32Array());
  }
  return { rows, denoised };
}

function velocityOf(row: number, length: number): Float32Array {
  return new Float32Array(length).fill([0.5, 0.25, -0.125][row] ?? 0);
}

describe("createFrameRun()", () => {
  test("asks for the row without blocks only where skip-layer guidance is at work", () => {
    const skip = { blocks: BLOCKS, scale: 3, range: sigmaRange(3, 0.01, 0.5) };
    const run = fakeRun({ steps: 4, skip });
    const sigmas: number[] = [];
    const rows: number[][] = [];
    while (run.state === "stepping") {
      const { sigma, latent } = run.request();
      sigmas.push(sigma);
      rows.push([...run.pendingRows()]);
      for (const row of run.pendingRows()) run.takeVelocity(row, velocityOf(row, latent.length));
    }
    expect(rows).toEqual(
      sigmas.map((sigma) => (sigma <= skip.range.high && sigma >= skip.range.low ? [0, 1, 2] : [0, 1])),
    );
    expect(rows).toContainEqual([0, 1]);
    expect(rows).toContainEqual([0, 1, 2]);
  });

  test("leads the guided estimate away from the row without blocks", () => {
    const run = fakeRun({ steps: 1, skip: always });
    const { latent, sigma } = run.request();
    const estimate = (velocity: number) => latent.map((value) => value - Math.fround(velocity * sigma));
    const [cond, uncond, skipped] = [0.5, 0.25, -0.125].map(estimate);
    if (cond === undefined || uncond === undefined || skipped === undefined)
      throw new TypeError("three rows");
    const expected = leadFromSkipped(guide(cond, uncond, 4.5), { cond, skipped }, 3);
    expect(stepAlone(run).denoised).toEqual([expected]);
  });

  test("works without a negative prompt", () => {
    const run = fakeRun({ steps: 2, guided: false, skip: always });
    expect(run.skippedBlocks(0)).toEqual([]);
    expect(run.skippedBlocks(1)).toEqual(BLOCKS);
    expect(stepAlone(run).rows).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test("sends the prompt's row and its row without blocks in one call", async () => {
    const batches: RowBatch[] = [];
    const batcher = createStepBatcher(async (batch) => {
      batches.push(batch);
      return batch.rows.map(({ latent }) => new Float32Array(latent.length));
    });
    batcher.add(fakeRun({ steps: 1, skip: always }));
    batcher.add(fakeRun({ steps: 1, seed: 2 }));
    while (batcher.size > 0) await batcher.runNext();
    expect(batches).toHaveLength(1);
    const [batch] = batches;
    if (batch === undefined) throw new TypeError("a batch was run");
    const kept = packRows(batch, 10).keep;
    const skippedAt = batch.rows.findIndex(({ skippedBlocks }) => skippedBlocks.length > 0);
    expect(kept?.dims).toEqual([5, 10]);
    const expected = batch.rows.flatMap((_, row) =>
      Array.from({ length: 10 }, (_, block) => (row === skippedAt && BLOCKS.includes(block) ? 0 : 1)),
    );
    expect(Array.from(kept?.data ?? [], Number)).toEqual(expected);
    expect(packRows(batch)).not.toHaveProperty("keep");
  });
});
