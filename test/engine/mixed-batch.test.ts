import { fileURLToPath } from "node:url";
import type { FrameParams } from "@latentfarm/contract";
import { BATCH_ROWS_MAX, type BatchReport, createPipeline, type Pipeline } from "@latentfarm/engine";
import { SAMPLERS, SCHEDULERS } from "@latentfarm/sampling";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const MODEL_DIR = fileURLToPath(new URL("../../packages/demo-model/model", import.meta.url));

/** Mean absolute difference of two pictures, of 255: what a reader of pictures cannot see. */
const DIFFERENCE_MAX = 1;

const FRAMES = 16;

const PROMPTS = [
  "a red sun over black hills",
  "a city at night",
  "white mountains",
  "a green sea and a boat",
];

/** Sixteen frames that have little in common: sizes, steps, samplers, schedules, guidance, prompts. */
const frames = Array.from({ length: FRAMES }, (_, index): FrameParams => {
  const pick = <T>(values: readonly T[], fallback: T): T => values[(index * 5) % values.length] ?? fallback;
  return {
    prompt: pick(PROMPTS, ""),
    negative_prompt: index % 3 === 0 ? "blurred" : "",
    model: "postcards",
    width: pick([64, 96, 64], 64),
    height: pick([64, 64, 96, 64], 64),
    steps: 3 + (index % 6),
    guidance_scale: pick([4.5, 1, 7, 3], 1),
    sampler: pick(SAMPLERS, "euler"),
    scheduler: pick(SCHEDULERS, "normal"),
    shift: 3,
    seed: String(1000 + index),
    output_format: "png",
    output_quality: 90,
  };
});

function difference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}

describe.each([
  ["as many rows as fit", BATCH_ROWS_MAX],
  ["learnt caps", undefined],
])("createPipeline() with %s", (_, batchRows) => {
  let pipeline: Pipeline;
  const batches: BatchReport[] = [];

  beforeAll(async () => {
    pipeline = await createPipeline(MODEL_DIR, {
      onBatch: (batch) => batches.push(batch),
      ...(batchRows !== undefined && { batchRows }),
    });
  });
  afterAll(() => pipeline.close());

  test("draws sixteen mixed frames together as it draws each alone", async () => {
    const together = await pipeline.render(frames);
    const most = Math.max(...batches.map(({ rows }) => rows));
    expect(most).toBeGreaterThan(2);
    for (const [index, frame] of frames.entries()) {
      const alone = await pipeline.submit(frame);
      const drawn = together[index]?.rgb ?? new Uint8Array(0);
      expect(difference(drawn, alone.rgb), `${frame.sampler} ${frame.scheduler}`).toBeLessThan(
        DIFFERENCE_MAX,
      );
    }
  });
});
