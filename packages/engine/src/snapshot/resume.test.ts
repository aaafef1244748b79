import type { FrameParams } from "@latentfarm/contract";
import { FarmError } from "@latentfarm/contract";
import { SAMPLERS, type SamplerState } from "@latentfarm/sampling";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPipeline } from "../pipeline/create-pipeline.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { RenderedFrame, ResumeOutcome } from "../rendered-frame.js";
import { DEMO_MODEL_DIR, demoFrame } from "../testing/demo-frame.js";
import { decodeSnapshot, encodeSnapshot } from "./codec.js";
import type { SavedFrame } from "./frame-snapshot.js";

const STEPS = 20;

/** Names that draw what another name draws: what they would show at every step, the other one shows. */
const ALIASES = SAMPLERS.filter((name) => name === "ddim" || name.endsWith("_gpu"));
/** Half of the methods run guided, so that frames of two network rows and of one are both resumed. */
const METHODS = SAMPLERS.filter((name) => !ALIASES.includes(name)).map((sampler, index) => ({
  sampler,
  guidance: index % 2 === 0 ? 4.5 : 1,
}));

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await createPipeline(DEMO_MODEL_DIR, { snapshotSteps: 1, snapshotMsMin: 0 });
});
afterAll(() => pipeline.close());

/** Small, since some hundred of them are drawn. */
function smallFrame(sampler: string, guidance = 1): FrameParams {
  return demoFrame({ sampler, steps: STEPS, guidance_scale: guidance, width: 32, height: 32 });
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

/**
 * The snapshot of a frame that is interrupted before its first step. A snapshot that is refused says so just when the
 * steps would begin, which is the one moment to interrupt it there.
 */
async function saveBeforeFirstStep(params: FrameParams): Promise<SavedFrame[]> {
  const controller = new AbortController();
  const saved: SavedFrame[] = [];
  const drawn = pipeline.submit(params, {
    resume: Uint8Array.of(0),
    onResume: () => controller.abort(new FarmError("interrupted", "Cannot go on")),
    signal: controller.signal,
    onSnapshot: (snapshot) => saved.push(snapshot),
  });
  await expect(drawn).rejects.toMatchObject({ code: "interrupted" });
  return saved;
}

/** Resumes a frame at each of the given steps and expects every later number to be as in one go, to the last bit. */
async function expectEqualFrom(
  params: FrameParams,
  at: (step: number, steps: number) => boolean,
): Promise<void> {
  const whole = await draw(params);
  const last = whole.saved.at(-1);
  const saved = [...(await saveBeforeFirstStep(params)), ...whole.saved];
  expect(saved.map(({ step }) => step)).toEqual(Array.from({ length: (last?.steps ?? 0) + 1 }, (_, i) => i));
  for (const snapshot of saved.filter(({ step, steps }) => at(step, steps))) {
    const resumed = await draw(params, snapshot);
    const { step, steps } = snapshot;
    expect(resumed.outcome).toEqual({ kind: "resumed", step, steps });
    expect(resumed.frame.resumed_from_step).toBe(step);
    expect(resumed.steps).toEqual(Array.from({ length: steps - step + 1 }, (_, index) => step + index));
    if (step < steps) expect(resumed.saved.at(-1)?.bytes).toEqual(last?.bytes);
    expect(Buffer.compare(resumed.frame.rgb, whole.frame.rgb)).toBe(0);
  }
}

type Tensors = SamplerState["tensors"];

function latentAlone({ latent = new Float32Array() }: Tensors): Tensors {
  return { latent };
}

/** The same tensors, but for the last bit of the latent's first value. */
function nudged({ latent = new Float32Array(), ...memory }: Tensors): Tensors {
  const values = Float32Array.from(latent);
  const bits = new Uint32Array(values.buffer);
  bits.set([(bits[0] ?? 0) ^ 1]);
  return { latent: values, ...memory };
}

describe("a resumed frame", () => {
  test.each(METHODS)(
    `is byte-identical from every step of ${STEPS} with $sampler at guidance $guidance`,
    async ({ sampler, guidance }) => {
      await expectEqualFrom(smallFrame(sampler, guidance), () => true);
    },
    60_000,
  );

  test.each(ALIASES)(
    "is byte-identical from the first, a middle and the last steps with %s",
    async (sampler) => {
      const few = (step: number, steps: number) => step <= 1 || step === 9 || step >= steps - 1;
      await expectEqualFrom(smallFrame(sampler), few);
    },
    60_000,
  );

  test.each<[string, string, (state: SamplerState) => Partial<SamplerState>]>([
    ["heun", "a latent value is off by its last bit", ({ tensors }) => ({ tensors: nudged(tensors) })],
    ["dpmpp_2m", "an earlier estimate is lost", ({ tensors }) => ({ tensors: latentAlone(tensors) })],
    ["lms", "its slopes are lost", ({ tensors }) => ({ tensors: latentAlone(tensors) })],
    ["euler_ancestral", "its noise starts over", () => ({ noiseDrawn: 0 })],
    ["dpmpp_3m_sde", "its step is another", ({ step }) => ({ step: step + 1 })],
  ])("is another one with %s when %s", async (sampler, _, change) => {
    const params = smallFrame(sampler);
    const whole = await draw(params);
    const snapshot = whole.saved[9];
    if (snapshot === undefined) throw new Error(`${STEPS} steps leave ${STEPS} snapshots`);
    const decoded = decodeSnapshot(snapshot.bytes);
    const state = { ...decoded.sampler, ...change(decoded.sampler) };
    const resumed = await draw(params, {
      ...snapshot,
      bytes: encodeSnapshot({ ...decoded, sampler: state }),
    });
    expect(resumed.outcome?.kind).toBe("resumed");
    expect(resumed.saved.at(-1)?.bytes).not.toEqual(whole.saved.at(-1)?.bytes);
  });

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
