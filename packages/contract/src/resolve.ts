import { LIMITS } from "./limits.js";
import type { ModelInfo } from "./model.js";
import { type JobParams, OUTPUT_FORMATS, PRIORITY_DEFAULT, type SkipLayerGuidance } from "./params.js";
import { parseSeed, SEED_MAX } from "./seed.js";
import type { SoundPart, SubmitRequest } from "./submit.js";
import { type FieldError, fieldsError } from "./validate.js";

/** Percent: pictures are hard to tell from the original here and JPEG is a quarter of PNG's size. */
const OUTPUT_QUALITY_DEFAULT = 90;

/** How much of an image is redrawn when the body does not say: AUTOMATIC1111's default. */
export const STRENGTH_DEFAULT = 0.75;

/** Source: ComfyUI, node SkipLayerGuidanceSD3, for SD3.5 Medium. */
export const SKIP_LAYER_GUIDANCE_DEFAULTS: SkipLayerGuidance = {
  scale: 3,
  layers: [7, 8, 9],
  start: 0.01,
  end: 0.15,
};

/** What a submit body leaves open besides the model's defaults. */
export interface ResolveOptions {
  readonly model: ModelInfo;
  /** Decimal text; the seed of a body that names none. */
  readonly seed: string;
}

/**
 * Fills a checked submit body with the model's defaults and checks it against the model: its largest size, its
 * samplers and schedules, and that the last frame's seed is still a seed. An `image` is
 * only checked to be offered: whoever stores its pixels adds `init_image`.
 * @throws {FarmError} invalid_request, with every wrong field in `details.errors`.
 */
export function resolveJobParams(request: SubmitRequest, options: ResolveOptions): JobParams {
  const params = fillDefaults(request, options);
  const errors = modelErrors(request, options.model);
  if (errors.length > 0) throw fieldsError("the job", errors);
  return params;
}

/** What of a submit body, or of the part of one that is right in itself, a model does not offer. */
export function modelErrors(request: SoundPart, model: ModelInfo): FieldError[] {
  const params = fillDefaults({ ...request, prompt: request.prompt ?? "" }, { model, seed: "0" });
  return [
    ...sizeErrors(params, model),
    ...choiceErrors(params, model),
    ...seedErrors(params),
    ...imageErrors(request, model),
    ...skipLayerErrors(params, model),
  ];
}

function fillDefaults(request: SubmitRequest, { model, seed }: ResolveOptions): JobParams {
  return {
    prompt: request.prompt,
    negative_prompt: request.negative_prompt ?? "",
    model: model.name,
    width: request.width ?? model.defaults.width,
    height: request.height ?? model.defaults.height,
    steps: request.steps ?? model.defaults.steps,
    guidance_scale: request.guidance_scale ?? model.defaults.guidance_scale,
    sampler: request.sampler ?? model.defaults.sampler,
    scheduler: request.scheduler ?? model.defaults.scheduler,
    shift: request.shift ?? model.defaults.shift,
    seed: request.seed ?? seed,
    output_format: request.output_format ?? OUTPUT_FORMATS[0],
    output_quality: request.output_quality ?? OUTPUT_QUALITY_DEFAULT,
    num_images: request.num_images ?? 1,
    metadata: request.metadata ?? {},
    priority: request.priority ?? PRIORITY_DEFAULT,
    ...(request.skip_layer_guidance && {
      skip_layer_guidance: resolveSkipLayers(request.skip_layer_guidance),
    }),
  };
}

function sizeErrors(params: JobParams, model: ModelInfo): FieldError[] {
  const errors: FieldError[] = [];
  for (const side of ["width", "height"] as const) {
    const max = model.limits[`${side}_max`];
    const multiple = model.limits.size_multiple;
    if (params[side] > max) {
      errors.push({
        path: side,
        message: `must be at most ${max} (limit ${side}_max of model ${model.name})`,
      });
    }
    if (params[side] % multiple !== 0) {
      const limit = `limit size_multiple of model ${model.name}`;
      errors.push({ path: side, message: `must be a multiple of ${multiple} (${limit})` });
    }
  }
  const pixels = params.width * params.height;
  if (errors.length === 0 && pixels > LIMITS.pixels_max) {
    const message = `times height must be at most ${LIMITS.pixels_max}, is ${pixels} (limit pixels_max)`;
    errors.push({ path: "width", message });
  }
  return errors;
}

function choiceErrors(params: JobParams, model: ModelInfo): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["sampler", "scheduler"] as const) {
    const offered = model[`${field}s`];
    if (!offered.includes(params[field])) {
      errors.push({
        path: field,
        message: `is not offered by model ${model.name}: one of ${offered.join(", ")}`,
      });
    }
  }
  return errors;
}

function imageErrors({ image, strength }: SoundPart, model: ModelInfo): FieldError[] {
  if (image === undefined) {
    return strength === undefined ? [] : [{ path: "strength", message: "needs an image to redraw" }];
  }
  if (model.image_to_image) return [];
  return [{ path: "image", message: `is not offered by model ${model.name}: its VAE cannot encode` }];
}

function resolveSkipLayers(request: NonNullable<SubmitRequest["skip_layer_guidance"]>): SkipLayerGuidance {
  const defaults = SKIP_LAYER_GUIDANCE_DEFAULTS;
  return {
    scale: request.scale ?? defaults.scale,
    layers: request.layers ?? [...defaults.layers],
    start: request.start ?? defaults.start,
    end: request.end ?? defaults.end,
  };
}

/** What is wrong with a frame's skip-layer guidance for a model; the engine asks again. */
export function skipLayerErrors(
  { skip_layer_guidance: guidance }: Pick<JobParams, "skip_layer_guidance">,
  model: ModelInfo,
): FieldError[] {
  if (guidance === undefined) return [];
  const at = (field: string, message: string) => ({ path: `skip_layer_guidance${field}`, message });
  const offered = model.skip_layer_guidance;
  if (offered === undefined) {
    return [at("", `is not offered by model ${model.name}: it is for sd3.5-medium`)];
  }
  const errors: FieldError[] = [];
  const last = offered.blocks - 1;
  if (guidance.layers.some((layer) => layer > last)) {
    errors.push(at(".layers", `must be block numbers of 0..${last}, as model ${model.name} has them`));
  }
  if (guidance.end < guidance.start) errors.push(at(".end", "must not be before start"));
  return errors;
}

function seedErrors(params: JobParams): FieldError[] {
  const seed = parseSeed(params.seed);
  if (seed === undefined) return [{ path: "seed", message: `must be a whole number of 0..${SEED_MAX}` }];
  if (seed + BigInt(params.num_images - 1) <= SEED_MAX) return [];
  return [
    { path: "seed", message: `plus num_images - 1 must be at most ${SEED_MAX}, the seed of the last frame` },
  ];
}
