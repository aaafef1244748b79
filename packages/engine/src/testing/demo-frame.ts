import { fileURLToPath } from "node:url";
import type { FrameParams } from "@latentfarm/contract";

/** The demo model's folder, named by its place: the model tower imports no package of data. */
export const DEMO_MODEL_DIR = fileURLToPath(new URL("../../../demo-model/model", import.meta.url));

/** A frame that the demo model knows; a test names what it is about. */
export function demoFrame(fields: Partial<FrameParams> = {}): FrameParams {
  return {
    prompt: "a yellow sun over blue mountains under an orange sky",
    negative_prompt: "",
    model: "postcards",
    width: 64,
    height: 64,
    steps: 8,
    guidance_scale: 4.5,
    sampler: "euler",
    scheduler: "normal",
    shift: 3,
    seed: "7",
    output_format: "png",
    output_quality: 90,
    ...fields,
  };
}

/** Mean absolute difference of two pictures, of 255. */
export function pictureDistance(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}
