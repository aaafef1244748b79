import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import type { FrameRun } from "./frame-run.js";
import type { RowBatch } from "./row-batch.js";
import { fixedCaps } from "./row-caps.js";
import type { BatchReport } from "./run-call.js";
import { createStepBatcher } from "./step-batcher.js";
import { type FakeFrame, fakeRun, fakeVelocities } from "./testing/fake-run.js";

const outOfMemory = () => new FarmError("out_of_memory", "Cannot run session: component is mmdit");

/** Frames drawn together by a network that may throw or spoil its answer; `steps` is what each frame told. */
async function draw(frames: readonly FakeFrame[], network: (batch: RowBatch) => Float32Array[]) {
  const steps = frames.map((): number[] => []);
  const runs = frames.map((frame, index) =>
    fakeRun({ ...frame, onStep: (step) => void steps[index]?.push(step) }),
  );
  const reports: BatchReport[] = [];
  const batcher = createStepBatcher(async (batch) => network(batch), {
    caps: fixedCaps(16),
    now: () => 0,
    onBatch: (report) => reports.push(report),
  });
  for (const run of runs) batcher.add(run);
  while (batcher.size > 0) await batcher.runNext();
  return { runs, steps, reports };
}

async function drawnAlone(frame: FakeFrame): Promise<Float32Array | undefined> {
  const { runs } = await draw([frame], fakeVelocities);
  return runs[0]?.denoised();
}

const states = (runs: readonly FrameRun[]) => runs.map(({ state }) => state);

/** The seeds of the prompts in a batch; the negative prompt has 0. */
const seedsOf = ({ rows }: RowBatch) => rows.map(({ conditioning }) => conditioning.pooled[0]);

describe("runCall()", () => {
  test("tells each frame how many rows its largest call had, calls that failed left out", async () => {
    const plain: FakeFrame = { steps: 2, guided: false };
    const whole = await draw([{ steps: 2 }, plain, { ...plain, seed: 2, size: 6 }], fakeVelocities);
    expect(whole.runs.map(({ batches }) => batches.rowsMax)).toEqual([3, 3, 1]);
    const halved = await draw([{ steps: 2 }, { seed: 2, steps: 2 }], (batch) => {
      if (batch.rows.length > 2) throw outOfMemory();
      return fakeVelocities(batch);
    });
    expect(halved.runs.map(({ batches }) => batches.rowsMax)).toEqual([2, 2]);
  });

  test("names in each report the frames that have a tag, a call that failed and its halves included", async () => {
    const reports: BatchReport[] = [];
    const batcher = createStepBatcher(
      async (batch) => {
        if (batch.rows.length > 2) throw outOfMemory();
        return fakeVelocities(batch);
      },
      { caps: fixedCaps(16), now: () => 0, onBatch: (report) => reports.push(report) },
    );
    batcher.add(fakeRun({ seed: 1, steps: 1, guided: false }), { tag: 7 });
    batcher.add(fakeRun({ seed: 2, steps: 1, guided: false }));
    batcher.add(fakeRun({ seed: 3, steps: 1, guided: false }), { tag: 9 });
    await batcher.runNext();
    expect(reports.map(({ rows, frames, outcome }) => [rows, frames, outcome])).toEqual([
      [3, [7, 9], "out_of_memory"],
      [1, [7], "ok"],
      [2, [9], "ok"],
    ]);
  });

  const frames = [1, 2, 3, 4, 5].map((seed): FakeFrame => ({ seed, steps: 4 }));

  test.each<[string, (batch: RowBatch) => Float32Array[]]>([
    [
      "makes calls throw",
      (batch) => {
        if (seedsOf(batch).includes(4)) throw new FarmError("internal", "Cannot run");
        return fakeVelocities(batch);
      },
    ],
    [
      "makes calls throw what is no FarmError",
      (batch) => {
        if (seedsOf(batch).includes(4)) throw new TypeError("bad input");
        return fakeVelocities(batch);
      },
    ],
    [
      "spoils the rows of all its mates",
      (batch) => {
        const isSpoilt = seedsOf(batch).includes(4);
        return fakeVelocities(batch).map((row) => (isSpoilt ? row.fill(Number.NaN) : row));
      },
    ],
    [
      "does not fit the memory even alone",
      (batch) => {
        if (seedsOf(batch).includes(4)) throw outOfMemory();
        return fakeVelocities(batch);
      },
    ],
  ])("leaves the mates of a frame that %s as they are alone", async (_, network) => {
    const { runs, steps } = await draw(frames, network);
    expect(states(runs)).toEqual(["stepped", "stepped", "stepped", "failed", "stepped"]);
    for (const [index, frame] of frames.entries()) {
      if (frame.seed === 4) continue;
      expect(steps[index]).toEqual([1, 2, 3, 4]);
      expect(runs[index]?.denoised()).toEqual(await drawnAlone(frame));
    }
  });

  test("goes on from the last step when a fault comes in the middle", async () => {
    let calls = 0;
    const { runs, steps } = await draw(frames, (batch) => {
      calls += 1;
      if (calls > 2 && seedsOf(batch).includes(2)) throw new FarmError("internal", "Cannot run");
      return fakeVelocities(batch);
    });
    expect(states(runs)).toEqual(["stepped", "failed", "stepped", "stepped", "stepped"]);
    expect(steps).toEqual([
      [1, 2, 3, 4],
      [1, 2],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    expect(runs[0]?.denoised()).toEqual(await drawnAlone({ seed: 1, steps: 4 }));
  });

  test("lowers the cap on out of memory and fails nobody who fits", async () => {
    const { runs, reports, steps } = await draw(frames, (batch) => {
      if (batch.rows.length > 5) throw outOfMemory();
      return fakeVelocities(batch);
    });
    expect(new Set(states(runs))).toEqual(new Set(["stepped"]));
    expect(steps).toEqual(frames.map(() => [1, 2, 3, 4]));
    // Ten rows fail; four go; six fail; two and four go. From then on the class has five rows at most.
    const told = reports.map(({ rows, outcome }) => (outcome === "ok" ? rows : -rows));
    expect(told.slice(0, 5)).toEqual([-10, 4, -6, 2, 4]);
    expect(
      reports.slice(5).every(({ outcome, rows, cap }) => outcome === "ok" && rows <= cap && cap === 5),
    ).toBe(true);
  });

  test("runs a frame row by row when its rows do not fit together", async () => {
    const { runs, reports } = await draw([{ seed: 1, steps: 2 }], (batch) => {
      if (batch.rows.length > 1) throw outOfMemory();
      return fakeVelocities(batch);
    });
    expect(states(runs)).toEqual(["stepped"]);
    expect(runs[0]?.denoised()).toEqual(await drawnAlone({ seed: 1, steps: 2 }));
    expect(reports.map(({ rows, outcome }) => [rows, outcome])).toEqual([
      [2, "out_of_memory"],
      [1, "ok"],
      [1, "ok"],
      [1, "ok"],
      [1, "ok"],
    ]);
  });
});
