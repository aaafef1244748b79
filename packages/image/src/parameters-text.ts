import type { FrameParams, PictureRecord } from "@latentfarm/contract";
import { samplerLabel, schedulerLabel } from "./a1111-names.js";

/** Digits of our hash: with 16 no two files are ever mistaken, and a person can still compare them. */
const HASH_DIGITS = 16;

type Pair = readonly [name: string, value: string | number];

/** A value with one of these would be read as several, so AUTOMATIC1111 writes it as a JSON string. */
const NEEDS_QUOTES = /[,:\n"]/;

/**
 * The parameters as AUTOMATIC1111 writes them beside a picture: the prompt, the negative prompt if there is one, and
 * a line of `Name: value` pairs, ours after theirs. Our hash of the weights is none of the file's bytes, so it does not
 * stand as `Model hash`, by which AUTOMATIC1111 looks checkpoints up. Source: AUTOMATIC1111/stable-diffusion-webui, modules/infotext_utils.py.
 */
export function parametersText({ params, plan, model, software }: PictureRecord): string {
  const pairs: readonly Pair[] = [
    ["Steps", params.steps],
    ["Sampler", samplerLabel(params.sampler)],
    ["Schedule type", schedulerLabel(params.scheduler)],
    ["CFG scale", params.guidance_scale],
    ["Seed", params.seed],
    ["Size", `${params.width}x${params.height}`],
    ["Model", params.model],
    ...imagePairs(params),
    ["Shift", params.shift],
    ...skipLayerPairs(params),
    ...(model.hash === undefined ? [] : [["Weights hash", model.hash.slice(0, HASH_DIGITS)] as const]),
    ["Precision plan", plan],
    ["Version", `Latentfarm ${software.latentfarm}`],
  ];
  const lines = [params.prompt];
  if (params.negative_prompt !== "") lines.push(`Negative prompt: ${params.negative_prompt}`);
  lines.push(pairs.map(([name, value]) => `${name}: ${quoted(String(value))}`).join(", "));
  return lines.join("\n");
}

/** Source: AUTOMATIC1111/stable-diffusion-webui, modules/processing.py, "Denoising strength". */
function imagePairs({ init_image: image }: FrameParams): Pair[] {
  return image === undefined ? [] : [["Denoising strength", image.strength]];
}

/** AUTOMATIC1111 has no words for it: these are ComfyUI's of the node SkipLayerGuidanceSD3. */
function skipLayerPairs({ skip_layer_guidance: guidance }: FrameParams): Pair[] {
  if (guidance === undefined) return [];
  return [
    ["Skip layers", guidance.layers.join(", ")],
    ["Skip layer scale", guidance.scale],
    ["Skip layer start", guidance.start],
    ["Skip layer end", guidance.end],
  ];
}

function quoted(value: string): string {
  return NEEDS_QUOTES.test(value) || value !== value.trim() ? JSON.stringify(value) : value;
}
