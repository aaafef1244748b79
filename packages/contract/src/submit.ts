import { z } from "zod";
import { numberBetween, textOf, wholeBetween } from "./field.js";
import { LIMITS } from "./limits.js";
import {
  nameSchema,
  OUTPUT_FORMATS,
  PRIORITIES,
  seedTextSchema,
  sizeSchema,
  skipLayerGuidanceSchema,
} from "./params.js";
import { textFault, utf8Bytes } from "./text.js";
import { webhookRequestSchema } from "./webhook.js";

const METADATA_KEY = /^[A-Za-z0-9_.:-]+$/;

/** Keys that mean something else than an entry to JavaScript objects. */
const METADATA_KEYS_REFUSED: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const SEED_FAULT = "must be a whole number of 0..2^53-1, or of 0..2^64-1 as a decimal string";

const seedSchema = z
  .union([z.int(SEED_FAULT).min(0, SEED_FAULT), seedTextSchema], SEED_FAULT)
  .transform(String);

const submitMetadataSchema = z
  .record(z.string(), z.string("must be a string"), "must be an object of strings")
  .check((context) => {
    const entries = Object.entries(context.value);
    const report = (message: string, path: string[]): void => {
      context.issues.push({ code: "custom", message, path, input: context.value });
    };
    if (entries.length > LIMITS.metadata_entries_max) {
      const max = LIMITS.metadata_entries_max;
      report(`must have at most ${max} entries, has ${entries.length} (limit metadata_entries_max)`, []);
      return;
    }
    for (const [key, value] of entries) {
      const fault = metadataFault(key, value);
      if (fault !== undefined) report(fault, [key]);
    }
  });

/** The length alone is looked at here: the decoder of pictures finds what is wrong inside. */
const imageTextSchema = z
  .string("must be a string")
  .min(1, "must not be empty")
  .max(
    LIMITS.image_body_bytes_max,
    `must be at most ${LIMITS.image_body_bytes_max} characters (limit image_body_bytes_max)`,
  );

/** White space alone is as empty as nothing: no encoder has a token for it. */
const promptSchema = textOf("prompt_bytes_max")
  .refine(
    (text) => text.trim().length >= LIMITS.prompt_chars_min,
    "must not be empty (limit prompt_chars_min)",
  )
  .meta({ minLength: LIMITS.prompt_chars_min });

/**
 * The body of `POST /v1/jobs`. What it leaves out comes from the model's defaults; unknown fields are refused, so
 * that a misspelt one is not silently ignored.
 */
export const submitRequestSchema = z.strictObject(
  {
    prompt: promptSchema,
    negative_prompt: textOf("prompt_bytes_max").optional(),
    model: nameSchema.optional(),
    width: sizeSchema.optional(),
    height: sizeSchema.optional(),
    steps: wholeBetween("steps_min", "steps_max").optional(),
    guidance_scale: numberBetween("guidance_scale_min", "guidance_scale_max").optional(),
    sampler: nameSchema.optional(),
    scheduler: nameSchema.optional(),
    shift: numberBetween("shift_min", "shift_max").optional(),
    seed: seedSchema.optional(),
    num_images: wholeBetween("num_images_min", "num_images_max").optional(),
    output_format: z.enum(OUTPUT_FORMATS, `must be one of ${OUTPUT_FORMATS.join(", ")}`).optional(),
    output_quality: wholeBetween("output_quality_min", "output_quality_max").optional(),
    /** The bytes of a PNG, JPEG or WebP to start from, in base64, with or without `data:image/…;base64,` before it. */
    image: imageTextSchema.optional(),
    /** How much of `image` is redrawn; `STRENGTH_DEFAULT` when absent. */
    strength: numberBetween("strength_min", "strength_max").optional(),
    /** `SKIP_LAYER_GUIDANCE_DEFAULTS` for what it leaves out. */
    skip_layer_guidance: skipLayerGuidanceSchema.partial().optional(),
    /** `PRIORITY_DEFAULT` when absent. */
    priority: z
      .enum(PRIORITIES, `must be one of ${PRIORITIES.join(", ")}`)
      .optional()
      .meta({
        description:
          "Weighs the job among those of its own tenant, in the queue and inside an engine: high counts as twice normal, normal as twice low. It takes nothing from other tenants.",
      }),
    /** Seconds: a job none of whose frames has started by then is `expired`; it waits for ever when absent. */
    start_within: wholeBetween("start_within_min", "start_within_max").optional(),
    /** Where the job's events are sent to. */
    webhook: webhookRequestSchema.optional(),
    metadata: submitMetadataSchema.optional(),
  },
  "must be an object",
);

/** A checked submit body: the seed is decimal text, absent fields are still absent. */
export type SubmitRequest = z.infer<typeof submitRequestSchema>;

/** The fields of a submit body that are right, each by itself. */
export type SoundPart = Omit<SubmitRequest, "prompt"> & { prompt?: string | undefined };

/**
 * The part of a refused body in which no field is wrong, for further checks: what is wrong elsewhere is then told in
 * the same answer. A strength stays out with its image, which it would seem to lack.
 */
export function soundPart(body: unknown): SoundPart {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return {};
  const given = new Map<string, unknown>(Object.entries(body));
  const fields = Object.entries(submitRequestSchema.shape).flatMap(([name, schema]) => {
    const parsed = schema.safeParse(given.get(name));
    return parsed.success && parsed.data !== undefined ? [[name, parsed.data]] : [];
  });
  const { strength, ...sound } = submitRequestSchema.partial().parse(Object.fromEntries(fields));
  const isComplete = strength !== undefined && (sound.image !== undefined || !given.has("image"));
  return isComplete ? { ...sound, strength } : sound;
}

function metadataFault(key: string, value: string): string | undefined {
  if (key.length > LIMITS.metadata_key_chars_max) {
    return `key must be at most ${LIMITS.metadata_key_chars_max} characters (limit metadata_key_chars_max)`;
  }
  if (!METADATA_KEY.test(key)) return "key must be letters, digits, '_', '.', ':' and '-'";
  if (METADATA_KEYS_REFUSED.has(key)) return "key is reserved";
  const bytes = utf8Bytes(value);
  if (bytes > LIMITS.metadata_value_bytes_max) {
    const max = LIMITS.metadata_value_bytes_max;
    return `must be at most ${max} bytes, is ${bytes} (limit metadata_value_bytes_max)`;
  }
  return textFault(value);
}
