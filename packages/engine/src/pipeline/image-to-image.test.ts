import { createHash } from "node:crypto";
import type { FrameParams } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEMO_MODEL_DIR, demoFrame, pictureDistance } from "../testing/demo-frame.js";
import { createPipeline } from "./create-pipeline.js";
import type { Pipeline } from "./pipeline.js";

let pipeline: Pipeline;
/** A picture of the demo model's, which its VAE encodes well. */
let postcard: Uint8Array;

beforeAll(async () => {
  pipeline = await createPipeline(DEMO_MODEL_DIR);
  ({ rgb: postcard } = await pipeline.submit(demoFrame({ steps: 20 })));
});
afterAll(() => pipeline.close());

function redrawn(strength: number, fields: Partial<FrameParams> = {}): FrameParams {
  const sha256 = createHash("sha256").update(postcard).digest("hex");
  return demoFrame({ init_image: { sha256, strength }, ...fields });
}

async function redraw(strength: number, fields: Partial<FrameParams> = {}): Promise<Uint8Array> {
  const { rgb } = await pipeline.submit(redrawn(strength, fields), { initImage: postcard });
  return rgb;
}

describe("createPipeline()", () => {
  test("says that the model takes images", () => {
    expect(pipeline.model.image_to_image).toBe(true);
  });

  test("keeps an image at little strength and leaves it behind as the strength grows", async () => {
    const other = { prompt: "a red city under a black sky with stars", seed: "8" };
    const distances: number[] = [];
    for (const strength of [0.01, 0.05, 0.5]) {
      distances.push(pictureDistance(await redraw(strength, other), postcard));
    }
    const [least, little, half] = distances;
    expect(least).toBeLessThan(5);
    expect(little).toBeLessThan(10);
    expect(half).toBeGreaterThan(50);
  });

  test("draws at strength 1 the bytes that it draws from text alone", async () => {
    const { rgb } = await pipeline.submit(demoFrame({ seed: "9" }));
    expect(await redraw(1, { seed: "9" })).toEqual(rgb);
  });

  test("takes every step at any strength", async () => {
    const steps: number[] = [];
    await pipeline.submit(redrawn(0.3, { steps: 5 }), {
      initImage: postcard,
      onStep: (step) => steps.push(step),
    });
    expect(steps).toEqual([1, 2, 3, 4, 5]);
  });

  test("draws frames with and without image together as it draws them alone", async () => {
    const [withImage, without] = await Promise.all([redraw(0.6), pipeline.submit(demoFrame())]);
    expect(pictureDistance(withImage, await redraw(0.6))).toBeLessThan(1);
    expect(pictureDistance(without.rgb, (await pipeline.submit(demoFrame())).rgb)).toBeLessThan(1);
  });

  test("refuses pixels that do not fit the parameters", async () => {
    const fault = { code: "invalid_request", details: { errors: [{ path: "init_image" }] } };
    await expect(pipeline.submit(redrawn(0.5))).rejects.toMatchObject(fault);
    await expect(pipeline.submit(redrawn(0.5), { initImage: postcard.subarray(3) })).rejects.toMatchObject(
      fault,
    );
    await expect(pipeline.submit(demoFrame(), { initImage: postcard })).rejects.toMatchObject(fault);
  });
});
