import {
  type FieldError,
  type FrameParams,
  fieldsError,
  type ModelInfo,
  parseSeed,
  skipLayerErrors,
} from "@latentfarm/contract";
import { isSamplerName, isSchedulerName, type SamplerName, type SchedulerName } from "@latentfarm/sampling";

/** Parameters that this model can draw, with the names and the seed in the form that sampling takes. */
export interface CheckedParams {
  readonly params: FrameParams;
  readonly sampler: SamplerName;
  readonly scheduler: SchedulerName;
  readonly seed: bigint;
  /** ``uint8 [height, width, 3]``, when the parameters have `init_image`. */
  readonly initImage?: Uint8Array;
}

/** Bytes of one RGB pixel. */
const PIXEL_BYTES = 3;

/**
 * Checks a frame against the model. The gateway did so too, but with what a worker announced some time ago.
 * @throws {FarmError} invalid_request, with every wrong field in `details.errors`
 */
export function checkParams(params: FrameParams, model: ModelInfo, initImage?: Uint8Array): CheckedParams {
  const { sampler, scheduler } = params;
  const seed = parseSeed(params.seed);
  const errors: FieldError[] = [
    ...sideErrors(params, model, "width"),
    ...sideErrors(params, model, "height"),
    ...imageErrors(params, model, initImage),
    ...skipLayerErrors(params, model),
  ];
  if (params.model !== model.name) {
    errors.push({ path: "model", message: `must be ${model.name}, the model of this engine` });
  }
  if (!isSamplerName(sampler)) {
    errors.push({ path: "sampler", message: `must be one of ${model.samplers.join(", ")}` });
  }
  if (!isSchedulerName(scheduler)) {
    errors.push({ path: "scheduler", message: `must be one of ${model.schedulers.join(", ")}` });
  }
  if (seed === undefined) errors.push({ path: "seed", message: "must be a whole number of 0..2^64-1" });
  if (errors.length > 0 || seed === undefined || !isSamplerName(sampler) || !isSchedulerName(scheduler)) {
    throw fieldsError("the frame", errors);
  }
  return { params, sampler, scheduler, seed, ...(initImage && { initImage }) };
}

function imageErrors(
  { init_image: image, width, height }: FrameParams,
  model: ModelInfo,
  initImage: Uint8Array | undefined,
): FieldError[] {
  const at = (message: string): FieldError[] => [{ path: "init_image", message }];
  if (image !== undefined && !model.image_to_image) return at(`is not offered by model ${model.name}`);
  const bytes = initImage?.length ?? 0;
  const expected = image === undefined ? 0 : width * height * PIXEL_BYTES;
  return bytes === expected ? [] : at(`must come with ${expected} bytes of pixels, comes with ${bytes}`);
}

function sideErrors(params: FrameParams, { limits }: ModelInfo, side: "width" | "height"): FieldError[] {
  const value = params[side];
  const max = limits[`${side}_max`];
  if (value >= limits.size_multiple && value <= max && value % limits.size_multiple === 0) return [];
  const message = `must be a multiple of ${limits.size_multiple} of at most ${max}, is ${value}`;
  return [{ path: side, message }];
}
