import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { FarmError, LIMITS, type OutputFormat, type Priority } from "@latentfarm/contract";

/** The options of a call that say what is drawn; each is left out when the caller leaves it out. */
export interface RequestOptions {
  readonly negative?: string;
  readonly size?: { readonly width: number; readonly height: number };
  readonly steps?: number;
  readonly guidance?: number;
  readonly sampler?: string;
  readonly scheduler?: string;
  readonly shift?: number;
  readonly seed?: string;
  readonly count: number;
  readonly quality?: number;
  readonly priority?: Priority;
  /** A file. */
  readonly image?: string;
  readonly strength?: number;
  readonly skipLayers?: readonly number[];
  readonly skipLayerScale?: number;
  readonly skipLayerStart?: number;
  readonly skipLayerEnd?: number;
}

/**
 * The submit body of a call, yet to be checked against the contract.
 * @throws {FarmError} invalid_request when the image is no readable file of at most `image_body_bytes_max` bytes
 */
export async function requestBody(
  options: RequestOptions,
  call: { readonly prompt: string; readonly format: OutputFormat; readonly cwd: string },
): Promise<Record<string, unknown>> {
  const skip = {
    layers: options.skipLayers,
    scale: options.skipLayerScale,
    start: options.skipLayerStart,
    end: options.skipLayerEnd,
  };
  const skipsLayers = Object.values(skip).some((value) => value !== undefined);
  return present({
    prompt: call.prompt,
    negative_prompt: options.negative,
    width: options.size?.width,
    height: options.size?.height,
    steps: options.steps,
    guidance_scale: options.guidance,
    sampler: options.sampler,
    scheduler: options.scheduler,
    shift: options.shift,
    seed: options.seed,
    num_images: options.count,
    output_format: call.format,
    output_quality: options.quality,
    priority: options.priority,
    image: options.image === undefined ? undefined : await readImage(resolve(call.cwd, options.image)),
    strength: options.strength,
    skip_layer_guidance: skipsLayers ? present(skip) : undefined,
  });
}

function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function readImage(path: string): Promise<string> {
  const refused = (reason: string, cause?: unknown) =>
    new FarmError("invalid_request", `Cannot start from the image: --image is ${path}, ${reason}`, { cause });
  try {
    const found = await stat(path);
    if (!found.isFile()) throw refused("which is no file");
    const max = LIMITS.image_body_bytes_max;
    if (found.size > max) throw refused(`which has ${found.size} bytes, at most ${max}`);
    return await readFile(path, "base64");
  } catch (cause) {
    throw cause instanceof FarmError ? cause : refused("which cannot be read", cause);
  }
}
