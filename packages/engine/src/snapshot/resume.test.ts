import type { FrameParams } from "@latentfarm/contract";
import { FarmError } from "@latentfarm/contract";
import { SAMPLERS } from "@latentfarm/sampling";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPipeline } from "../pipeline/create-pipeline.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RenderedFrame, ResumeOutcome } from "../rendered-frame.js";
import { DEMO_MODEL_DIR, demoFrame } from "../testing/demo-frame.js";
import { decodeSnapshot, encodeSnapshot } from "./codec.js";
import type { SavedFrame } from "./frame-snapshot.js";

const STEPS = 20;

/** One of each kind of memory: none, one network call more, earlier estimates, drawn noise, a Brownian tree. */
const AT_EVERY_STEP = ["euler", "heun", "dpmpp_2m", "euler_ancestral", "dpmpp_3m_sde"] as const;

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await createPipeline(DEMO_MODEL_DIR, { snapshotSteps: 1, snapshotMsMin: 0 });
});
afterAll(() => pipeline.close());

/** Small, since some hundred of them are drawn. */
function smallFrame(sampler: string): FrameParams {
  return demoFrame({ sampler, steps: STEPS, guidance_scale: 1, width: 32, height: 32 });
}

/** Draws a frame and keeps every snapshot of it; with `from`, it goes on from there. */
async function draw(params: FrameParams, from?: SavedFrame) {
  const saved: SavedFrame[] = [];
  const steps: number[] = [];
  let outcome: ResumeOutcome | undefined;
  const frame: RenderedFrame = await pipeline.submit(params, {
    onSnapshot: (snapshot) => saved.push(snapshot),
    onStep: (step) => steps.push(step),
    ...(from && { resume: from.bytes }),
    onResume: (told) => {
      outcome = told;
    },
  });
  return { frame, saved, steps, outcome };
}

/** Resumes a frame at each of the given steps and expects every later number to be as in one go, to the last bit. */
async function expectEqualFrom(
  params: FrameParams,
  at: (step: number, steps: number) => boolean,
): Promise<void> {
  const whole = await draw(params);
  const last = whole.saved.at(-1);
  expect(last?.step).toBe(last?.steps);
  for (const snapshot of whole.saved.filter(({ step, steps }) => at(step, steps))) {
    const resumed = await draw(params, snapshot);
    const { step, steps } = snapshot;
    expect(resumed.outcome).toEqual({ kind: "resumed", step, steps });
    expect(resumed.frame.resumed_from_step).toBe(step);
    expect(resumed.steps).toEqual(Array.from({ length: steps - step + 1 }, (_, index) => step + index));
    if (step < steps) expect(resumed.saved.at(-1)?.bytes).toEqual(last?.bytes);
    expect(Buffer.compare(resumed.frame.rgb, whole.frame.rgb)).toBe(0);
  }
}

describe("a resumed frame", () => {
  test.each(AT_EVERY_STEP)(
    `is byte-identical from every step of ${STEPS} with %s`,
    async (sampler) => {
      await expectEqualFrom(smallFrame(sampler), () => true);
    },
    60_000,
  );

  test.each(SAMPLERS.filter((name) => !AT_EVERY_STEP.some((known) => known === name)))(
    "is byte-identical from the first, a middle and the last steps with %s",
    async (sampler) => {
      const few = (step: number, steps: number) => step === 1 || step === 9 || step >= steps - 1;
      await expectEqualFrom(smallFrame(sampler), few);
    },
    60_000,
  );

  test("is byte-identical with guidance and another schedule, shift and shape", async () => {
    const params = demoFrame({ sampler: "dpmpp_2m_sde", scheduler: "karras", shift: 1.5, width: 96 });
    await expectEqualFrom(params, (step) => step % 3 === 0);
  });

  test("leaves a snapshot when it is interrupted, and none when it is canceled", async () => {
    for (const reason of [new FarmError("interrupted", "Cannot go on"), undefined]) {
      const controller = new AbortController();
      const saved: SavedFrame[] = [];
      const quiet = await createPipeline(DEMO_MODEL_DIR, { snapshotSteps: 100 });
      const drawn = quiet.submit(demoFrame({ steps: STEPS }), {
        signal: controller.signal,
        onStep: (step) => step === 3 && controller.abort(reason),
        onSnapshot: (snapshot) => saved.push(snapshot),
      });
      await expect(drawn).rejects.toMatchObject({ code: reason === undefined ? "canceled" : "interrupted" });
      await quiet.close();
      expect(saved.map(({ step }) => step)).toEqual(reason === undefined ? [] : [3]);
    }
  });
});

describe("a snapshot that does not fit", () => {
  const params = demoFrame({ steps: 4 });
  let whole: Awaited<ReturnType<typeof draw>>;
  let second: SavedFrame;

  beforeAll(async () => {
    whole = await draw(params);
    const snapshot = whole.saved[1];
    if (snapshot === undefined) throw new Error("four steps leave four snapshots");
    second = snapshot;
  });

  function changed(change: (snapshot: ReturnType<typeof decodeSnapshot>) => object): SavedFrame {
    const snapshot = decodeSnapshot(second.bytes);
    return { ...second, bytes: encodeSnapshot({ ...snapshot, ...change(snapshot) }) };
  }

  const other = "0".repeat(64);
  test.each<[string, () => SavedFrame]>([
    [
      "is damaged",
      () => ({ ...second, bytes: second.bytes.map((byte, at) => (at === 400 ? byte ^ 1 : byte)) }),
    ],
    [
      "is of other weights",
      () => changed(({ identity }) => ({ identity: { ...identity, modelHash: other } })),
    ],
    [
      "is of another graph",
      () => changed(({ identity }) => ({ identity: { ...identity, graphHash: other } })),
    ],
    ["is of another sampler", () => changed(({ sampler }) => ({ sampler: { ...sampler, sampler: "heun" } }))],
    ["is of another version", () => changed(({ sampler }) => ({ sampler: { ...sampler, version: 99 } }))],
    [
      "has a latent of another size",
      () =>
        changed(({ sampler }) => ({
          sampler: { ...sampler, tensors: { latent: new Float32Array(16) } },
        })),
    ],
  ])("makes the frame begin anew when it %s", async (_, bad) => {
    const drawn = await draw(params, bad());
    expect(drawn.outcome?.kind).toBe("refused");
    expect(drawn.steps).toEqual([1, 2, 3, 4]);
    expect(drawn.frame.resumed_from_step).toBe(0);
    expect(Buffer.compare(drawn.frame.rgb, whole.frame.rgb)).toBe(0);
  });

  test("makes a frame of other parameters begin anew", async () => {
    const drawn = await draw(demoFrame({ steps: 4, seed: "8" }), second);
    expect(drawn.outcome).toEqual({ kind: "refused", reason: "it is of other parameters" });
  });
});
