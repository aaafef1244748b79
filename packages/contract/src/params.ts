import { z } from "zod";
import { numberBetween, textOf, wholeBetween } from "./field.js";
import { LIMITS } from "./limits.js";
import { frameSeed, parseSeed } from "./seed.js";

/** The picture formats that a frame can be stored in. */
export const OUTPUT_FORMATS = ["png", "jpeg", "webp"] as const;

/** A picture format. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** What a job can be worth beside others, least first. */
export const PRIORITIES = ["low", "normal", "high"] as const;

/** What a job is worth beside others of its tenant, in the queue and inside an engine. */
export type Priority = (typeof PRIORITIES)[number];

/** The share of each priority beside the others: twice the next lower one's, so that low ones are slowed, never starved. */
export const PRIORITY_WEIGHTS: Readonly<Record<Priority, number>> = { low: 1, normal: 2, high: 4 };

/** The priority of a job that names none. */
export const PRIORITY_DEFAULT: Priority = "normal";

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

/** A SHA-256 in hexadecimal. */
const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal");

/**
 * The image that a picture starts from. Its pixels lie in the object store under the job's input key, cut to the
 * picture's size; here is what they hash to, so that equal parameters still give equal pictures.
 */
export const initImageSchema = z.strictObject({
  /** Of the stored PNG's bytes. */
  sha256: sha256Schema,
  /** How much of the image is redrawn. */
  strength: numberBetween("strength_min", "strength_max"),
});

/** The image that a picture starts from. */
export type InitImage = z.infer<typeof initImageSchema>;

/**
 * Skip-layer guidance: while a frame is between `start` and `end` of its way from noise to picture, it is led away
 * from what the model draws with some of its joint blocks left out.
 */
export const skipLayerGuidanceSchema = z.strictObject({
  scale: numberBetween("skip_layer_scale_min", "skip_layer_scale_max"),
  /** Numbers of joint blocks, each once. */
  layers: z
    .array(wholeBetween("skip_layer_index_min", "skip_layer_index_max"), "must be a list of block numbers")
    .min(LIMITS.skip_layers_min, `must have at least ${LIMITS.skip_layers_min} entry (limit skip_layers_min)`)
    .max(
      LIMITS.skip_layers_max,
      `must have at most ${LIMITS.skip_layers_max} entries (limit skip_layers_max)`,
    )
    .refine((layers) => new Set(layers).size === layers.length, "must name each block once"),
  start: numberBetween("fraction_min", "fraction_max"),
  end: numberBetween("fraction_min", "fraction_max"),
});

/** Skip-layer guidance of one frame. */
export type SkipLayerGuidance = z.infer<typeof skipLayerGuidanceSchema>;

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
  /** Absent: the picture starts from noise alone. */
  init_image: initImageSchema.optional(),
  /** Absent: no block is ever skipped. */
  skip_layer_guidance: skipLayerGuidanceSchema.optional(),
});

/** What one picture is drawn from. */
export type FrameParams = z.infer<typeof frameParamsSchema>;

/** A job's parameters with nothing left to default; `seed` is that of frame 0. */
export const jobParamsSchema = frameParamsSchema.extend({
  num_images: wholeBetween("num_images_min", "num_images_max"),
  metadata: metadataSchema,
  /** Decides when a picture is drawn, never what it shows. Jobs that were taken in before it was known have none. */
  priority: z.enum(PRIORITIES).default(PRIORITY_DEFAULT),
});

/** A job's parameters. */
export type JobParams = z.infer<typeof jobParamsSchema>;

/**
 * The parameters of one frame of a job: the job's own, with the frame's seed.
 * @throws {RangeError} the seed would pass 2^64 - 1, which an admitted job excludes.
 */
export function frameParams(params: JobParams, index: number): FrameParams {
  const { num_images: _count, metadata: _metadata, priority: _priority, ...shared } = params;
  return { ...shared, seed: frameSeed(params.seed, index) };
}
