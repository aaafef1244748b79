import { z } from "zod";
import { frameParamsSchema, nameSchema } from "./params.js";
import { precisionPlanSchema } from "./plan.js";

/** The parts of a model that lie in files of weights. */
export const MODEL_FILE_ROLES = ["diffusion_model", "vae", "clip_l", "clip_g", "t5xxl"] as const;

/** A part of a model that lies in a file of weights. */
export type ModelFileRole = (typeof MODEL_FILE_ROLES)[number];

/** Where each part of a model lies, as a path inside the model's folder, which is laid out as ComfyUI's `models` is. */
export const modelFilesSchema = z.partialRecord(z.enum(MODEL_FILE_ROLES), z.string());

/** Where each part of a model lies. */
export type ModelFiles = z.infer<typeof modelFilesSchema>;

/** What ran, by version. */
export const softwareSchema = z.object({ latentfarm: z.string(), onnxruntime: z.string() });

/** What ran, by version. */
export type Software = z.infer<typeof softwareSchema>;

/**
 * How a frame came about, for whoever asks later. It may differ between two drawings of equal parameters, so it stands
 * in the result and in the job's sidecar and not in the picture, whose bytes do not.
 */
export const provenanceSchema = z.object({
  software: softwareSchema,
  /** Of the weights, as in the model's `hash`; absent when the engine told none. */
  model_hash: z.string().optional(),
  /**
   * Rows of the largest denoiser call that the frame took part in, its own included: one row without guidance, two
   * with it. With more, it has shared its steps. 0 when it had no step left to take.
   */
  batch_rows_max: z.int(),
});

/** How a frame came about. */
export type Provenance = z.infer<typeof provenanceSchema>;

/** The form of the record; another number is another form. */
export const PICTURE_RECORD_VERSION = 1;

/**
 * What a picture of ours carries about itself, whatever its format: enough to draw it again. Everything in it is
 * decided by the parameters and by the machine's kind, so that equal parameters still give equal bytes.
 */
export const pictureRecordSchema = z.object({
  version: z.literal(PICTURE_RECORD_VERSION),
  params: frameParamsSchema,
  model: z.object({
    name: nameSchema,
    architecture: z.string(),
    /** See the model's `hash`. */
    hash: z.string().optional(),
    files: modelFilesSchema.optional(),
  }),
  plan: precisionPlanSchema,
  software: softwareSchema,
});

/** What a picture of ours carries about itself. */
export type PictureRecord = z.infer<typeof pictureRecordSchema>;
