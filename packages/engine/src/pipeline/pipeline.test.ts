import type { FrameParams } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BatchReport } from "../loop/run-call.js";
import { DEMO_MODEL_DIR, demoFrame, pictureDistance } from "../testing/demo-frame.js";
import { createPipeline } from "./create-pipeline.js";
import type { Pipeline } from "./pipeline.js";

let pipeline: Pipeline;
let batches: BatchReport[] = [];

beforeAll(async () => {
  pipeline = await createPipeline(DEMO_MODEL_DIR, {
    previewIntervalMs: 0,
    batchRows: 16,
    onBatch: (batch) => batches.push(batch),
  });
});
afterAll(() => pipeline.close());

async function drawAlone(params: FrameParams): Promise<Uint8Array> {
  const { rgb } = await pipeline.submit(params);
  return rgb;
}

describe("createPipeline()", () => {
  test("tells the model with the samplers and schedules of this build", () => {
    expect(pipeline.model).toMatchObject({ name: "postcards", architecture: "sd3.5-large" });
    expect(pipeline.model.samplers).toContain("dpmpp_2m");
    expect(pipeline.model.schedulers).toContain("sgm_uniform");
  });

  test("refuses a folder that holds no model", async () => {
    await expect(createPipeline(import.meta.dirname)).rejects.toMatchObject({ code: "model_invalid" });
  });

  test("draws the same bytes for the same parameters", async () => {
    const first = await pipeline.submit(demoFrame());
    expect(first).toMatchObject({ width: 64, height: 64, notes: [] });
    expect(first.rgb.length).toBe(64 * 64 * 3);
    expect(Object.values(first.timings).every((ms) => ms > 0)).toBe(true);
    expect(await drawAlone(demoFrame())).toEqual(first.rgb);
    expect(pictureDistance(await drawAlone(demoFrame({ seed: "8" })), first.rgb)).toBeGreaterThan(5);
  });

  test("draws frames of all kinds together as it draws them alone", async () => {
    const frames = [
      demoFrame({ seed: "1" }),
      demoFrame({ seed: "2", steps: 4, prompt: "white hills under a purple sky" }),
      demoFrame({ seed: "3", guidance_scale: 1 }),
      demoFrame({ seed: "4", sampler: "dpmpp_2m", scheduler: "sgm_uniform" }),
      demoFrame({ seed: "5", width: 96 }),
      demoFrame({ seed: "6", prompt: `${"red city, ".repeat(12)}black sky with stars` }),
    ];
    const together = await pipeline.render(frames);
    for (const [index, frame] of frames.entries()) {
      const alone = await drawAlone(frame);
      expect(pictureDistance(together[index]?.rgb ?? new Uint8Array(), alone)).toBeLessThan(1);
    }
    expect(together[5]?.notes.join()).toMatch(/prompt fills \d CLIP chunks/);
  });

  test("shares a batch between frames in flight", async () => {
    batches = [];
    await pipeline.render([demoFrame({ seed: "1", steps: 3 }), demoFrame({ seed: "2", steps: 3 })]);
    expect(batches.map(({ rows }) => rows)).toEqual([4, 4, 4]);
  });

  test("shows a preview of the denoised latent after each step but the last", async () => {
    const sizes: number[][] = [];
    await pipeline.submit(demoFrame({ steps: 3, width: 96 }), {
      onPreview: (rgb, width, height) => sizes.push([rgb.length, width, height]),
    });
    expect(sizes).toEqual([
      [12 * 8 * 3, 12, 8],
      [12 * 8 * 3, 12, 8],
    ]);
  });

  test("stops a canceled frame between steps", async () => {
    const controller = new AbortController();
    let last = 0;
    const canceled = pipeline.submit(demoFrame({ steps: 20 }), {
      signal: controller.signal,
      onStep: (step) => {
        last = step;
        if (step === 3) controller.abort();
      },
    });
    await expect(canceled).rejects.toMatchObject({ code: "canceled" });
    expect(last).toBe(3);
  });

  test.each<[keyof FrameParams, FrameParams]>([
    ["width", demoFrame({ width: 72 })],
    ["height", demoFrame({ height: 0 })],
    ["width", demoFrame({ width: 208 })],
    ["model", demoFrame({ model: "other" })],
    ["sampler", demoFrame({ sampler: "eulr" })],
    ["scheduler", demoFrame({ scheduler: "toString" })],
    ["seed", demoFrame({ seed: "18446744073709551616" })],
  ])("refuses a wrong %s and names it", async (path, params) => {
    await expect(pipeline.submit(params)).rejects.toMatchObject({
      code: "invalid_request",
      details: { errors: [{ path }] },
    });
  });
});
