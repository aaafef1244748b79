import { z } from "zod";
import { numberBetween, textOf, wholeBetween } from "./field.js";
import { LIMITS } from "./limits.js";
import { frameSeed, parseSeed } from "./seed.js";

/** The picture formats that a frame can be stored in. */
export const OUTPUT_FORMATS = ["png", "jpeg", "webp"] as const;

/** A picture format. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** The media type of each picture format. */
export const CONTENT_TYPES = {
  png: "image/png",
  jpeg: "image/jpeg",
  webp: "image/webp",
} as const satisfies Record<OutputFormat, string>;

/** The name of a model, sampler or scheduler. */
export const nameSchema = z
  .string("must be a string")
  .min(1, "must not be empty")
  .max(LIMITS.name_chars_max, `must be at most ${LIMITS.name_chars_max} characters (limit name_chars_max)`);

/** One side of a picture in pixels: whole patches of the denoiser. A model may allow less. */
export const sizeSchema = wholeBetween("size_px_min", "size_px_max").multipleOf(
  LIMITS.size_px_multiple,
  `must be a multiple of ${LIMITS.size_px_multiple} (limit size_px_multiple)`,
);

/** A seed as the farm keeps it: decimal text of 0..2^64-1, since a JSON number loses digits above 2^53. */
export const seedTextSchema = z
  .string("must be a decimal string")
  .refine((text) => parseSeed(text) !== undefined, "must be a whole number of 0..18446744073709551615");

/** The client's own labels, kept and given back; never read by the farm. */
export const metadataSchema = z.record(z.string(), z.string());

/** What one picture is drawn from, with nothing left to default. Equal parameters give equal pictures. */
export const frameParamsSchema = z.strictObject({
  prompt: textOf("prompt_bytes_max"),
  negative_prompt: textOf("prompt_bytes_max"),
  model: nameSchema,
  width: sizeSchema,
  height: sizeSchema,
  steps: wholeBetween("steps_min", "steps_max"),
  guidance_scale: numberBetween("guidance_scale_min", "guidance_scale_max"),
  sampler: nameSchema,
  scheduler: nameSchema,
  shift: numberBetween("shift_min", "shift_max"),
  seed: seedTextSchema,
  output_format: z.enum(OUTPUT_FORMATS),
  output_quality: wholeBetween("output_quality_min", "output_quality_max"),
});

/** What one picture is drawn from. */
export type FrameParams = z.infer<typeof frameParamsSchema>;

/** A job's parameters with nothing left to default; `seed` is that of frame 0. */
export const jobParamsSchema = frameParamsSchema.extend({
  num_images: wholeBetween("num_images_min", "num_images_max"),
  metadata: metadataSchema,
});

/** A job's parameters. */
export type JobParams = z.infer<typeof jobParamsSchema>;

/**
 * The parameters of one frame of a job: the job's own, with the frame's seed.
 * @throws {RangeError} the seed would pass 2^64 - 1, which an admitted job excludes.
 */
export function frameParams(params: JobParams, index: number): FrameParams {
  const { num_images: _count, metadata: _metadata, ...shared } = params;
  return { ...shared, seed: frameSeed(params.seed, index) };
}
