import { z } from "zod";
import { nameSchema } from "./params.js";
import { modelFilesSchema } from "./picture-record.js";
import { precisionPlanSchema } from "./plan.js";

/** A model as workers announce it : plain JSON, read from the model folder. */
export const modelInfoSchema = z.object({
  name: nameSchema,
  /** `sd3.5-large`, `sd3.5-medium`, `sd3-medium`, as derived from the checkpoint's tensor names and shapes. */
  architecture: z.string(),
  license: z.string().optional(),
  /** Hexadecimal SHA-256 that tells weights apart: a half-done frame goes on only with the same. */
  hash: z.string().optional(),
  files: modelFilesSchema.optional(),
  /** What a submit body that leaves the field out gets. */
  defaults: z.object({
    width: z.int(),
    height: z.int(),
    steps: z.int(),
    guidance_scale: z.number(),
    sampler: nameSchema,
    scheduler: nameSchema,
    shift: z.number(),
  }),
  /** Pixels; the largest sides are those of the model's position table. */
  limits: z.object({ width_max: z.int(), height_max: z.int(), size_multiple: z.int() }),
  /** Width and height in pixels that the model was trained on: advice, other sizes are drawn too. */
  sizes: z.array(z.tuple([z.int(), z.int()])).optional(),
  /** True when a picture can start from an image: the VAE can encode. */
  image_to_image: z.boolean().optional(),
  /** Present when the model offers skip-layer guidance: how many joint blocks it has to skip. */
  skip_layer_guidance: z.object({ blocks: z.int() }).optional(),
  samplers: z.array(nameSchema),
  schedulers: z.array(nameSchema),
});

/** A model as workers announce it. */
export type ModelInfo = z.infer<typeof modelInfoSchema>;

/** A live worker as its heartbeat announces it. */
export const workerInfoSchema = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.int(),
  /** The process id of the engine, which changes when a crashed engine is started again. */
  engine_pid: z.int().nullable(),
  model: modelInfoSchema,
  plan: precisionPlanSchema,
  /** Frames that the worker takes in flight at most. */
  concurrency: z.int(),
  frames_in_flight: z.int(),
  /** Megapixel-steps a second while busy, as measured over the last minutes; null before the first frame. */
  rate: z.number().nullable().default(null),
  /**
   * A `sick` worker has failed for three different jobs in a row and takes no more frames; a `waiting` one takes none
   * until its store is back, as its disk holds no more pictures.
   */
  health: z.enum(["well", "waiting", "sick"]).default("well"),
  /** Why it is sick or waits; of a well one, which pictures wait on its disk. */
  health_reason: z.string().nullable().default(null),
  started_at: z.string(),
  seen_at: z.string(),
});

/** A live worker. */
export type WorkerInfo = z.infer<typeof workerInfoSchema>;

/** A model as `GET /v1/models` shows it. */
export const servedModelSchema = modelInfoSchema.extend({
  /** Live workers that serve it. At 0 it was served within the last day: a job for it waits for a worker. */
  workers: z.int(),
});

/** A model with how many live workers serve it. */
export type ServedModel = z.infer<typeof servedModelSchema>;

/** The body of `GET /v1/models`. */
export const modelListSchema = z.object({ models: z.array(servedModelSchema) });

/** The body of `GET /v1/workers`. */
export const workerListSchema = z.object({ workers: z.array(workerInfoSchema) });
