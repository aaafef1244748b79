import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEMO_MODEL_DIR, demoFrame, pictureDistance } from "../testing/demo-frame.js";
import { createPipeline } from "./create-pipeline.js";
import type { Pipeline } from "./pipeline.js";

let pipeline: Pipeline;

beforeAll(async () => {
  pipeline = await createPipeline(DEMO_MODEL_DIR);
});
afterAll(() => pipeline.close());

async function draw(prompt: string): Promise<Uint8Array> {
  const { rgb } = await pipeline.submit(demoFrame({ prompt }));
  return rgb;
}

describe("createPipeline()", () => {
  test("draws the same bytes when every weight is 1", async () => {
    const plain = await draw("a yellow sun over blue mountains under an orange sky");
    expect(await draw("a (yellow:1.0) sun over (blue mountains:1) under an orange sky")).toEqual(plain);
  });

  test("draws another picture for other weights", async () => {
    const plain = await draw("a yellow sun over blue mountains under an orange sky");
    const heavy = await draw("a yellow sun over (blue:1.6) mountains under an orange sky");
    const none = await draw("a yellow sun over (blue:0) mountains under an orange sky");
    expect(pictureDistance(heavy, plain)).toBeGreaterThan(0.5);
    expect(pictureDistance(none, plain)).toBeGreaterThan(0.5);
    expect(pictureDistance(none, heavy)).toBeGreaterThan(0.5);
  });
});
