import { existsSync } from "node:fs";
import path from "node:path";
import { createPipeline, type Pipeline, type RenderedFrame } from "@latentfarm/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meanDifference, readPng } from "../harness/pictures.js";
import { CUDA_ON_CPU } from "./cuda-on-cpu.js";
import { type ReferenceSet, readJson } from "./sources.js";

interface ExpectedPicture {
  readonly prompt: string;
  readonly negative_prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly steps: number;
  readonly guidance_scale: number;
  readonly sampler: string;
  readonly scheduler: string;
  readonly shift: number;
  readonly file: string;
}

/** The promise of the project, in units of 1 of 255. */
const DIFFERENCE_MAX = 2;

/**
 * How far a picture by the graphs for CUDA, each result rounded to float16, may be from the one by the CPU's graphs, in
 * units of 1 of 255. Measured are 0.02 to 0.06.
 */
const CUDA_DIFFERENCE_MAX = 0.25;

/**
 * The pictures that the published reference implementation drew with the demo model, each drawn by our pipeline, and by
 * the graphs for CUDA.
 */
export function describePictures({ folder, expected }: ReferenceSet["demoModel"]): void {
  const file = path.join(expected, "expected.json");
  if (!existsSync(file)) return;
  describe("demo pictures", () => {
    let pipeline: Pipeline;
    let cudaPipeline: Pipeline;
    beforeAll(async () => {
      pipeline = await createPipeline(folder);
      cudaPipeline = await createPipeline(folder, { runtime: CUDA_ON_CPU });
    });
    afterAll(async () => {
      await pipeline.close();
      await cudaPipeline.close();
    });
    it.each(readJson<readonly ExpectedPicture[]>(file))("$file: $prompt", async (picture) => {
      const frame = await drawPicture(pipeline, picture);
      const reference = await readPng(path.join(expected, picture.file));
      expect(meanDifference(frame, reference)).toBeLessThan(DIFFERENCE_MAX);
      const byCuda = await drawPicture(cudaPipeline, picture);
      expect(meanDifference(byCuda, frame)).toBeLessThan(CUDA_DIFFERENCE_MAX);
    });
  });
}

async function drawPicture(
  pipeline: Pipeline,
  { file: _, seed, ...params }: ExpectedPicture,
): Promise<RenderedFrame> {
  const [frame] = await pipeline.render([
    { ...params, model: pipeline.model.name, seed: String(seed), output_format: "png", output_quality: 90 },
  ]);
  if (frame === undefined) throw new Error("one frame was asked for");
  return frame;
}
