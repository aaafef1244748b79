import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { WEIGHT_MAX, WEIGHT_MIN } from "./plan-call.js";
import type { RowBatch } from "./row-batch.js";
import { fixedCaps } from "./row-caps.js";
import type { BatchReport } from "./run-call.js";
import { createStepBatcher } from "./step-batcher.js";
import { type FakeFrame, fakeRun, fakeVelocities } from "./testing/fake-run.js";

/** A batcher over the fake network that keeps every batch it ran. */
function recordingBatcher({ rowsMax = 16, patchesMax = 1024 } = {}) {
  const batches: RowBatch[] = [];
  const reports: BatchReport[] = [];
  const batcher = createStepBatcher(
    async (batch) => {
      batches.push(batch);
      return fakeVelocities(batch);
    },
    { caps: fixedCaps(rowsMax), patchesMax, now: () => 0, onBatch: (report) => reports.push(report) },
  );
  return { batcher, batches, reports, rows: () => batches.map((batch) => batch.rows.length) };
}

async function runToEnd(batcher: { readonly size: number; runNext(): Promise<void> }): Promise<void> {
  while (batcher.size > 0) await batcher.runNext();
}

async function drawAlone(frame: FakeFrame): Promise<Float32Array | undefined> {
  const { batcher } = recordingBatcher();
  const run = fakeRun(frame);
  batcher.add(run);
  await runToEnd(batcher);
  return run.denoised();
}

describe("createStepBatcher()", () => {
  test("runs guided and unguided frames of one class in one batch", async () => {
    const { batcher, rows } = recordingBatcher();
    for (const guided of [true, false, true]) batcher.add(fakeRun({ guided, steps: 2 }));
    await runToEnd(batcher);
    expect(rows()).toEqual([5, 5]);
  });

  test("gives each frame the numbers that it has alone", async () => {
    const frames: FakeFrame[] = [
      { seed: 1, steps: 4 },
      { seed: 2, steps: 2, guided: false },
      { seed: 3, steps: 3, negativeTokens: 9 },
      { seed: 4, steps: 5, size: 6 },
    ];
    const { batcher } = recordingBatcher();
    const runs = frames.map(fakeRun);
    for (const run of runs) batcher.add(run);
    await runToEnd(batcher);
    for (const [index, frame] of frames.entries()) {
      expect(runs[index]?.state).toBe("stepped");
      expect(runs[index]?.denoised()).toEqual(await drawAlone(frame));
    }
  });

  test("lets a frame join between steps", async () => {
    const { batcher, rows } = recordingBatcher();
    batcher.add(fakeRun({ steps: 2 }));
    await batcher.runNext();
    batcher.add(fakeRun({ seed: 2, steps: 2 }));
    await runToEnd(batcher);
    expect(rows()).toEqual([2, 4, 2]);
  });

  test("lets classes take turns", async () => {
    const { batcher, batches } = recordingBatcher();
    batcher.add(fakeRun({ steps: 3, size: 4 }));
    batcher.add(fakeRun({ steps: 2, size: 6 }));
    batcher.add(fakeRun({ steps: 2, size: 4, tokens: 8 }));
    await runToEnd(batcher);
    const classes = batches.map(({ height, tokens }) => `${height}/${tokens}`);
    expect(classes).toEqual(["4/5", "6/5", "4/8", "4/5", "6/5", "4/8", "4/5"]);
  });

  test("runs the rows of a frame whose prompts differ in length one after the other", async () => {
    const { batcher, batches } = recordingBatcher();
    batcher.add(fakeRun({ steps: 1, tokens: 5, negativeTokens: 7 }));
    await runToEnd(batcher);
    expect(batches.map(({ tokens, rows }) => [tokens, rows.length])).toEqual([
      [5, 1],
      [7, 1],
    ]);
  });

  test("keeps to the row cap and to whole frames", async () => {
    const { batcher, rows } = recordingBatcher({ rowsMax: 5 });
    for (let seed = 0; seed < 3; seed += 1) batcher.add(fakeRun({ seed, steps: 1 }));
    batcher.add(fakeRun({ seed: 9, steps: 1, guided: false }));
    await runToEnd(batcher);
    expect(rows()).toEqual([5, 2]);
  });

  test("keeps to the patch cap, and runs one frame that is past it by itself", async () => {
    const { batcher, rows } = recordingBatcher({ patchesMax: 16 });
    // 4 x 4 cells are 4 patches a row, 8 x 8 cells are 16.
    for (let seed = 0; seed < 3; seed += 1) batcher.add(fakeRun({ seed, steps: 1 }));
    batcher.add(fakeRun({ seed: 4, steps: 1, size: 8 }));
    await runToEnd(batcher);
    expect(rows()).toEqual([4, 2, 2]);
  });

  test("runs one frame a call at a cap of one row, the one with the least work left first", async () => {
    const { batcher, batches, reports } = recordingBatcher({ rowsMax: 1 });
    batcher.add(fakeRun({ seed: 1, steps: 3 }));
    batcher.add(fakeRun({ seed: 2, steps: 2 }));
    await runToEnd(batcher);
    expect(batches.map(({ rows }) => rows.map(({ conditioning }) => conditioning.pooled[0]))).toEqual([
      [2, 0],
      [2, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ]);
    expect(reports.map(({ limit }) => limit)).toEqual(["rows", "rows", "empty", "empty", "empty"]);
  });

  test("counts the calls that a frame has left, not its steps", async () => {
    const { batcher, batches } = recordingBatcher({ rowsMax: 1 });
    const twoCallsAStep = fakeRun({ seed: 1, steps: 5, guided: false, sampler: "heun" });
    const oneCallAStep = fakeRun({ seed: 2, steps: 6, guided: false });
    batcher.add(twoCallsAStep);
    batcher.add(oneCallAStep);
    await runToEnd(batcher);
    const seeds = batches.map(({ rows: [row] }) => row?.conditioning.pooled[0]);
    expect(seeds).toEqual([...Array(6).fill(2), ...Array(9).fill(1)]);
  });

  test("tells of each call why it has no more rows", async () => {
    const { batcher, reports } = recordingBatcher({ rowsMax: 4, patchesMax: 64 });
    for (let seed = 0; seed < 3; seed += 1) batcher.add(fakeRun({ seed, steps: 1 }));
    batcher.add(fakeRun({ seed: 4, steps: 1, size: 12, guided: false }));
    batcher.add(fakeRun({ seed: 5, steps: 1, size: 12, guided: false }));
    await runToEnd(batcher);
    const told = reports.map(({ classKey, rows, cap, limit }) => [classKey, rows, cap, limit]);
    expect(told).toEqual([
      [":4x4/5", 4, 4, "rows"],
      [":12x12/5", 1, 4, "patches"],
      [":4x4/5", 2, 4, "empty"],
      [":12x12/5", 1, 4, "empty"],
    ]);
    expect(reports[0]).toMatchObject({ durationMs: 0, outcome: "ok" });
  });

  test("keeps a frame that asks for exactness alone, and its mates together", async () => {
    const { batcher, batches, reports } = recordingBatcher();
    batcher.add(fakeRun({ seed: 1, steps: 2 }));
    batcher.add(fakeRun({ seed: 2, steps: 2 }), { exact: true });
    batcher.add(fakeRun({ seed: 3, steps: 2 }));
    await runToEnd(batcher);
    expect(batches.map(({ rows }) => rows.map(({ conditioning }) => conditioning.pooled[0]))).toEqual([
      [1, 0, 3, 0],
      [1, 0, 3, 0],
      [2, 0],
      [2, 0],
    ]);
    expect(reports[0]?.limit).toBe("exact");
  });

  test("keeps frames of different variants apart", async () => {
    const { batcher, rows } = recordingBatcher();
    batcher.add(fakeRun({ seed: 1, steps: 1 }));
    batcher.add(fakeRun({ seed: 2, steps: 1 }), { variant: "lora-a" });
    await runToEnd(batcher);
    expect(rows()).toEqual([2, 2]);
  });

  test("gives a class its weight's share of the device", async () => {
    const { batcher, batches } = recordingBatcher();
    batcher.add(fakeRun({ steps: 30, size: 4 }), { weight: 3 });
    batcher.add(fakeRun({ steps: 30, size: 6 }));
    for (let i = 0; i < 20; i += 1) await batcher.runNext();
    expect(batches.filter(({ height }) => height === 4)).toHaveLength(15);
  });

  test.each([
    [WEIGHT_MIN, true],
    [WEIGHT_MAX, true],
    [WEIGHT_MIN / 2, false],
    [WEIGHT_MAX * 2, false],
    [Number.NaN, false],
  ])("takes weights of its range: %s", (weight, isTaken) => {
    const { batcher } = recordingBatcher();
    const add = () => batcher.add(fakeRun(), { weight });
    if (isTaken) expect(add).not.toThrow();
    else expect(add).toThrow(RangeError);
    expect(batcher.size).toBe(isTaken ? 1 : 0);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "fails only the frame whose row holds %s",
    async (bad) => {
      const [good, faulty] = [fakeRun({ seed: 1 }), fakeRun({ seed: 2 })];
      const batcher = createStepBatcher(async (batch) => {
        const velocities = fakeVelocities(batch);
        for (const [row, { conditioning }] of batch.rows.entries()) {
          if (conditioning.pooled[0] === 2) velocities[row]?.fill(bad, 3, 4);
        }
        return velocities;
      });
      batcher.add(good);
      batcher.add(faulty);
      await runToEnd(batcher);
      expect(faulty.error?.code).toBe("numeric_fault");
      expect(good.state).toBe("stepped");
      expect(good.denoised()).toEqual(await drawAlone({ seed: 1 }));
    },
  );

  test("finds the frame that makes a call throw", async () => {
    const runs = [1, 2, 3, 4, 5].map((seed) => fakeRun({ seed }));
    const batcher = createStepBatcher(async (batch) => {
      if (batch.rows.some(({ conditioning }) => conditioning.pooled[0] === 4)) {
        throw new FarmError("internal", "Cannot run");
      }
      return fakeVelocities(batch);
    });
    for (const run of runs) batcher.add(run);
    await runToEnd(batcher);
    expect(runs.map((run) => run.state)).toEqual(["stepped", "stepped", "stepped", "failed", "stepped"]);
  });

  test("drops the rows of a frame that was removed while they ran", async () => {
    const removed = fakeRun({ seed: 1 });
    const batcher = createStepBatcher(async (batch) => {
      batcher.remove(removed);
      return fakeVelocities(batch);
    });
    batcher.add(removed);
    await batcher.runNext();
    expect(removed.denoised()).toBeUndefined();
    expect(batcher.size).toBe(0);
  });
});
