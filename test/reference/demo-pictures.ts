import { existsSync } from "node:fs";
import path from "node:path";
import { createPipeline, type Pipeline } from "@latentfarm/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meanDifference, readPng } from "../harness/pictures.js";
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

/** The pictures that the published reference implementation drew with the demo model, each drawn by our pipeline. */
export function describePictures({ folder, expected }: ReferenceSet["demoModel"]): void {
  const file = path.join(expected, "expected.json");
  if (!existsSync(file)) return;
  describe("demo pictures", () => {
    let pipeline: Pipeline;
    beforeAll(async () => {
      pipeline = await createPipeline(folder);
    });
    afterAll(() => pipeline.close());
    it.each(readJson<readonly ExpectedPicture[]>(file))(
      "$file: $prompt",
      async ({ file: name, seed, ...params }) => {
        const [frame] = await pipeline.render([
          {
            ...params,
            model: pipeline.model.name,
            seed: String(seed),
            output_format: "png",
            output_quality: 90,
          },
        ]);
        if (frame === undefined) throw new Error("one frame was asked for");
        expect(meanDifference(frame, await readPng(path.join(expected, name)))).toBeLessThan(DIFFERENCE_MAX);
      },
    );
  });
}
