import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { createStepBatcher, type RowBatch } from "./step-batcher.js";
import { type FakeFrame, fakeRun, fakeVelocities } from "./testing/fake-run.js";

/** A batcher over the fake network that keeps every batch it ran. */
function recordingBatcher(caps = { rowsMax: 16, patchesMax: 1024 }) {
  const batches: RowBatch[] = [];
  const batcher = createStepBatcher(async (batch) => {
    batches.push(batch);
    return fakeVelocities(batch);
  }, caps);
  return { batcher, batches, rows: () => batches.map((batch) => batch.rows.length) };
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
    const { batcher, rows } = recordingBatcher({ rowsMax: 5, patchesMax: 1024 });
    for (let seed = 0; seed < 3; seed += 1) batcher.add(fakeRun({ seed, steps: 1 }));
    batcher.add(fakeRun({ seed: 9, steps: 1, guided: false }));
    await runToEnd(batcher);
    expect(rows()).toEqual([5, 2]);
  });

  test("keeps to the patch cap, and runs one frame that is past it by itself", async () => {
    const { batcher, rows } = recordingBatcher({ rowsMax: 16, patchesMax: 16 });
    // 4 x 4 cells are 4 patches a row, 8 x 8 cells are 16.
    for (let seed = 0; seed < 3; seed += 1) batcher.add(fakeRun({ seed, steps: 1 }));
    batcher.add(fakeRun({ seed: 4, steps: 1, size: 8 }));
    await runToEnd(batcher);
    expect(rows()).toEqual([4, 2, 2]);
  });

  test("refuses a row cap that no guided frame fits", () => {
    expect(() => recordingBatcher({ rowsMax: 1, patchesMax: 16 })).toThrow(RangeError);
    expect(() => recordingBatcher({ rowsMax: 2, patchesMax: 16 })).not.toThrow();
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
