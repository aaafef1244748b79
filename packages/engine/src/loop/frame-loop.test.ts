import { FarmError } from "@latentfarm/contract";
import { describe, expect, test } from "vitest";
import { createFrameLoop, type FrameStages } from "./frame-loop.js";
import { SIDE_WORK_MS, SIDE_WORK_SHARE } from "./side-budget.js";
import { createStepBatcher } from "./step-batcher.js";
import { type FakeFrame, fakeRun, fakeVelocities } from "./testing/fake-run.js";

interface FakeParams extends FakeFrame {
  readonly prepareError?: FarmError;
  readonly decodeError?: FarmError;
  /** 1 by default. */
  readonly textUnits?: number;
  readonly duringPrepare?: () => void;
}

const NO_SNAPSHOT = { bytes: new Uint8Array(0), step: 0, steps: 0 };

/** Milliseconds that each unit of work takes on the fake clock. */
const UNIT_MS = { text: 2, steps: 3, vae: 5 };

/** A loop over the fake network on a fake clock; `events` is what it did, `batches` when each batch began and ended. */
function fakeLoop(onTurn: () => void = () => undefined, unitMs = UNIT_MS) {
  const events: string[] = [];
  const batches: { readonly startedAt: number; readonly endedAt: number; readonly frames: number }[] = [];
  let clock = 0;
  let failDecode: FarmError | undefined;
  const stages: FrameStages<FakeParams> = {
    async *prepare(params, onStep) {
      for (let unit = 1; unit < (params.textUnits ?? 1); unit += 1) {
        clock += unitMs.text;
        yield "t5xxl";
      }
      clock += unitMs.text;
      params.duringPrepare?.();
      events.push(`text ${params.seed}`);
      if (params.prepareError) throw params.prepareError;
      failDecode = params.decodeError ?? failDecode;
      const run = fakeRun({ ...params, onStep });
      return {
        run,
        notes: [`seed ${params.seed}`],
        latent: () => new Float32Array(0),
        save: () => NO_SNAPSHOT,
      };
    },
    decode: async ({ notes }) => {
      clock += unitMs.vae;
      events.push(`vae ${notes.join()}`);
      if (failDecode) throw failDecode;
      return { rgb: new Uint8Array(3), width: 1, height: 1 };
    },
    preview: (run) => ({ rgb: new Uint8Array(3), width: run.width, height: run.height }),
    batcher: createStepBatcher(async (batch) => {
      const startedAt = clock;
      clock += unitMs.steps;
      events.push(`steps ${batch.rows.length}`);
      batches.push({ startedAt, endedAt: clock, frames: stages.batcher.size });
      return fakeVelocities(batch);
    }),
  };
  const loop = createFrameLoop(stages, {
    now: () => clock,
    turn: async () => {
      await Promise.resolve();
      onTurn();
    },
    previewIntervalMs: 4,
    snapshotPace: { steps: 2, msMin: 0 },
  });
  return { loop, events, batches, batcher: stages.batcher };
}

describe("createFrameLoop()", () => {
  test("encodes what waits, then steps together, then decodes", async () => {
    const { loop, events } = fakeLoop();
    const frames = await Promise.all([
      loop.submit({ seed: 1, steps: 2 }),
      loop.submit({ seed: 2, steps: 2 }),
    ]);
    expect(events).toEqual(["text 1", "text 2", "steps 4", "steps 4", "vae seed 1", "vae seed 2"]);
    expect(frames.map((frame) => frame.notes)).toEqual([["seed 1"], ["seed 2"]]);
    expect(loop.size).toBe(0);
  });

  test("lets a finished frame leave before the others step on", async () => {
    const { loop, events } = fakeLoop();
    await Promise.all([loop.submit({ seed: 1, steps: 1 }), loop.submit({ seed: 2, steps: 2 })]);
    expect(events).toEqual(["text 1", "text 2", "steps 4", "vae seed 1", "steps 2", "vae seed 2"]);
  });

  test("starts again after it ran dry", async () => {
    const { loop } = fakeLoop();
    await loop.submit({ seed: 1 });
    await expect(loop.submit({ seed: 2 })).resolves.toMatchObject({ notes: ["seed 2"] });
  });

  test("tells each step and at most one preview an interval, none after the last step", async () => {
    const { loop } = fakeLoop();
    const steps: string[] = [];
    let previews = 0;
    await loop.submit(
      { seed: 1, steps: 4 },
      { onStep: (step, all) => steps.push(`${step}/${all}`), onPreview: () => (previews += 1) },
    );
    expect(steps).toEqual(["1/4", "2/4", "3/4", "4/4"]);
    expect(previews).toBeGreaterThan(0);
    expect(previews).toBeLessThan(4);
  });

  test("measures text, steps and decoding apart", async () => {
    const { loop } = fakeLoop();
    const { timings, moments } = await loop.submit({ seed: 1, steps: 3 });
    expect(timings).toEqual({ text_ms: 2, steps_ms: 9, vae_ms: 5 });
    expect(moments).toEqual({ text_begun: 16, steps_begun: 14, steps_done: 5, vae_begun: 5 });
  });

  test("drops a canceled frame between steps and goes on with the others", async () => {
    const controller = new AbortController();
    const { loop, events } = fakeLoop();
    const canceled = loop.submit(
      { seed: 1, steps: 5 },
      { signal: controller.signal, onStep: (step) => step === 2 && controller.abort() },
    );
    const other = loop.submit({ seed: 2, steps: 3 });
    await expect(canceled).rejects.toMatchObject({ code: "canceled" });
    await other;
    expect(events).toEqual(["text 1", "text 2", "steps 4", "steps 4", "steps 2", "vae seed 2"]);
  });

  test("gives the signal's own FarmError as the reason", async () => {
    const { loop } = fakeLoop();
    const signal = AbortSignal.abort(new FarmError("interrupted", "Cannot go on"));
    await expect(loop.submit({ seed: 1 }, { signal })).rejects.toMatchObject({ code: "interrupted" });
  });

  test("fails alone a frame whose text or picture fails", async () => {
    const { loop } = fakeLoop();
    const prepareError = new FarmError("invalid_request", "Cannot accept the frame");
    const [bad, good] = await Promise.allSettled([
      loop.submit({ seed: 1, prepareError }),
      loop.submit({ seed: 2 }),
    ]);
    expect(bad).toMatchObject({ reason: prepareError });
    expect(good.status).toBe("fulfilled");
    const decodeError = new FarmError("numeric_fault", "Cannot finish the frame");
    await expect(loop.submit({ seed: 3, decodeError })).rejects.toBe(decodeError);
  });

  test.each([
    ["short units", { text: 20, steps: 30, vae: 90 }, SIDE_WORK_MS],
    ["long units", { text: 700, steps: 100, vae: 900 }, 900],
    ["long steps", { text: 700, steps: 8000, vae: 900 }, 8000 * SIDE_WORK_SHARE],
  ])("holds up no steps past the budget or one unit: %s", async (_, unitMs, holdUpMax) => {
    const submitted: Promise<unknown>[] = [];
    const { loop, batches } = fakeLoop(() => {
      const seed = submitted.length;
      if (seed < 30)
        submitted.push(
          loop.submit({ seed, steps: 2 + (seed % 5), guided: false, textUnits: 1 + (seed % 4) }),
        );
    }, unitMs);
    await loop.submit({ seed: 99, steps: 200, guided: false });
    await Promise.all(submitted);
    const holdUps = batches.flatMap((batch, index) => {
      const before = batches[index - 1];
      return before === undefined ? [] : [batch.startedAt - before.endedAt];
    });
    expect(batches.length).toBeGreaterThanOrEqual(40);
    expect(Math.max(...holdUps)).toBeLessThanOrEqual(holdUpMax);
    expect(Math.max(...holdUps)).toBeGreaterThan(0);
  });

  test("steps between the units of one prompt, and adds up their time", async () => {
    const { loop, events } = fakeLoop(undefined, { text: 300, steps: 3, vae: 5 });
    const first = loop.submit({ seed: 1, steps: 9, guided: false });
    const long = loop.submit({ seed: 2, steps: 1, guided: false, textUnits: 4 });
    const { timings } = await long;
    await first;
    expect(timings.text_ms).toBe(1200);
    expect(events.indexOf("text 2") - events.indexOf("text 1")).toBe(1 + 4);
  });

  test("decodes a finished frame before it goes on with a prompt", async () => {
    const { loop, events } = fakeLoop(undefined, { text: 300, steps: 3, vae: 5 });
    await Promise.all([
      loop.submit({ seed: 1, steps: 1, guided: false }),
      loop.submit({ seed: 2, steps: 1, guided: false, textUnits: 4 }),
    ]);
    expect(events.slice(0, 3)).toEqual(["text 1", "steps 1", "vae seed 1"]);
  });

  test("leaves nothing in the batcher of a frame that is stopped while it is prepared", async () => {
    let stopped: Promise<void> | undefined;
    const { loop, batcher } = fakeLoop();
    const duringPrepare = () => {
      stopped = loop.stop(new FarmError("interrupted", "Cannot go on"));
    };
    await expect(loop.submit({ seed: 1, duringPrepare })).rejects.toMatchObject({ code: "interrupted" });
    await stopped;
    expect(batcher.size).toBe(0);
  });

  test("gives the frame's weight to the batcher, which refuses a wrong one for that frame alone", async () => {
    const { loop } = fakeLoop();
    const [bad, good] = await Promise.allSettled([
      loop.submit({ seed: 1 }, { weight: 0 }),
      loop.submit({ seed: 2 }, { weight: 16 }),
    ]);
    expect(bad).toMatchObject({ reason: { message: expect.stringContaining("weight is 0") } });
    expect(good.status).toBe("fulfilled");
  });

  test("fails every frame when it is stopped", async () => {
    let turns = 0;
    const { loop } = fakeLoop(() => {
      turns += 1;
      if (turns === 3) loop.stop(new FarmError("interrupted", "Cannot go on"));
    });
    const outcomes = await Promise.allSettled([loop.submit({ seed: 1 }), loop.submit({ seed: 2 })]);
    expect(outcomes).toMatchObject([
      { reason: { code: "interrupted" } },
      { reason: { code: "interrupted" } },
    ]);
    expect(loop.size).toBe(0);
  });
});
