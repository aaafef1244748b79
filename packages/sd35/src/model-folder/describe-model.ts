import {
  FarmError,
  LIMITS,
  type ModelFiles,
  type ModelInfo,
  modelInfoSchema,
  parseWith,
} from "@latentfarm/contract";
import { isSamplerName, isSchedulerName, SAMPLERS, SCHEDULERS } from "@latentfarm/sampling";
import { type Architecture, type MmditConfig, withSkippableBlocks } from "../mmdit/config.js";
import { isObject } from "../tokenizers/tokenizer-file.js";
import { invalidManifest, type Manifest } from "./manifest.js";

/** Pixels of one patch's side: 2 latent cells of 8 pixels. */
const PATCH_PIXELS = 16;

/** Defaults of each family, for a folder whose manifest leaves them out. Sources: the model cards' own examples. */
const DEFAULTS = {
  // https://huggingface.co/stabilityai/stable-diffusion-3.5-large: 28 steps, guidance 3.5
  "sd3.5-large": { steps: 28, guidance_scale: 3.5 },
  // https://huggingface.co/stabilityai/stable-diffusion-3.5-medium: 40 steps, guidance 4.5
  "sd3.5-medium": { steps: 40, guidance_scale: 4.5 },
  // https://huggingface.co/stabilityai/stable-diffusion-3-medium: 28 steps, guidance 7
  "sd3-medium": { steps: 28, guidance_scale: 7 },
} as const satisfies Record<Architecture, { steps: number; guidance_scale: number }>;

/** Side in pixels that every published SD3 model was trained at. */
const SIDE_DEFAULT = 1024;

/** Source: ComfyUI's SD3.5 workflow (facts section A4) and `ModelSamplingSD3`. */
const SAMPLING_DEFAULTS = { sampler: "euler", scheduler: "sgm_uniform", shift: 3 } as const;

/**
 * Puts the wire form of a model together: the manifest's fields over the family's defaults; limits from the position
 * table.
 * @throws {FarmError} model_invalid when a field of the manifest has the wrong type or is outside the model's limits
 */
export function describeModel(
  manifest: Manifest,
  model: {
    readonly name: string;
    readonly mmdit: MmditConfig;
    readonly vaeEncodes: boolean;
    readonly files: ModelFiles;
  },
): ModelInfo {
  const { architecture, positionGrid } = model.mmdit;
  const stated = manifest.description;
  if (stated.architecture !== undefined && stated.architecture !== architecture) {
    throw invalidManifest(
      `architecture is ${JSON.stringify(stated.architecture)}, but the diffusion model is ${architecture}`,
    );
  }
  const sideMax = Math.min(PATCH_PIXELS * positionGrid, LIMITS.size_px_max);
  const side = Math.min(SIDE_DEFAULT, sideMax);
  const candidate = {
    name: model.name,
    ...stated,
    architecture,
    files: model.files,
    defaults: {
      width: side,
      height: side,
      ...DEFAULTS[architecture],
      ...SAMPLING_DEFAULTS,
      ...(isObject(stated.defaults) && stated.defaults),
    },
    limits: { width_max: sideMax, height_max: sideMax, size_multiple: PATCH_PIXELS },
    image_to_image: model.vaeEncodes,
    ...(withSkippableBlocks(model.mmdit).skippable && {
      skip_layer_guidance: { blocks: model.mmdit.depth },
    }),
    samplers: [...SAMPLERS],
    schedulers: [...SCHEDULERS],
  };
  const info = parseDescription(candidate);
  checkRanges(info);
  return info;
}

function parseDescription(candidate: unknown): ModelInfo {
  try {
    return parseWith(modelInfoSchema, candidate, "the manifest");
  } catch (error) {
    if (!(error instanceof FarmError)) throw error;
    throw invalidManifest(`fields are wrong: ${JSON.stringify(error.details.errors)}`, error);
  }
}

function checkRanges({ defaults, sizes = [], limits }: ModelInfo): void {
  for (const [width, height] of [[defaults.width, defaults.height] as const, ...sizes]) {
    for (const side of [width, height]) {
      if (side < PATCH_PIXELS || side > limits.width_max || side % PATCH_PIXELS !== 0) {
        throw invalidManifest(
          `size is ${width}x${height}, expected multiples of ${PATCH_PIXELS} up to ${limits.width_max}`,
        );
      }
    }
  }
  for (const field of ["steps", "guidance_scale", "shift"] as const) {
    const [min, max] = [LIMITS[`${field}_min`], LIMITS[`${field}_max`]];
    if (defaults[field] < min || defaults[field] > max) {
      throw invalidManifest(`defaults.${field} is ${defaults[field]}, expected ${min} to ${max}`);
    }
  }
  if (!isSamplerName(defaults.sampler)) {
    throw invalidManifest(
      `defaults.sampler is ${JSON.stringify(defaults.sampler)}, expected one of ${SAMPLERS.join(", ")}`,
    );
  }
  if (!isSchedulerName(defaults.scheduler)) {
    throw invalidManifest(
      `defaults.scheduler is ${JSON.stringify(defaults.scheduler)}, expected one of ${SCHEDULERS.join(", ")}`,
    );
  }
}
