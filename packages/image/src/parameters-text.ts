import type { FrameParams, PrecisionPlanName } from "@latentfarm/contract";

/**
 * AUTOMATIC1111's words for ComfyUI's sampler names; a name without one stands as it is.
 * Source: AUTOMATIC1111/stable-diffusion-webui, modules/sd_samplers_kdiffusion.py.
 */
const SAMPLER_LABELS: ReadonlyMap<string, string> = new Map([
  ["euler", "Euler"],
  ["euler_ancestral", "Euler a"],
  ["heun", "Heun"],
  ["lms", "LMS"],
  ["dpm_2", "DPM2"],
  ["dpm_2_ancestral", "DPM2 a"],
  ["dpmpp_2m", "DPM++ 2M"],
  ["dpmpp_sde", "DPM++ SDE"],
  ["dpmpp_2m_sde", "DPM++ 2M SDE"],
  ["dpmpp_2s_ancestral", "DPM++ 2S a"],
  ["dpmpp_3m_sde", "DPM++ 3M SDE"],
]);

/** The same for schedules. Source: AUTOMATIC1111/stable-diffusion-webui, modules/sd_schedulers.py. */
const SCHEDULER_LABELS: ReadonlyMap<string, string> = new Map([
  ["simple", "Simple"],
  ["normal", "Normal"],
  ["sgm_uniform", "SGM Uniform"],
  ["karras", "Karras"],
  ["exponential", "Exponential"],
  ["ddim_uniform", "DDIM"],
  ["beta", "Beta"],
  ["kl_optimal", "KL Optimal"],
]);

type Pair = readonly [name: string, value: string | number];

/** A value with one of these would be read as several, so AUTOMATIC1111 writes it as a JSON string. */
const NEEDS_QUOTES = /[,:\n"]/;

/**
 * The parameters as AUTOMATIC1111 writes them beside a picture: the prompt, the negative prompt if there is one, and
 * a line of `Name: value` pairs, ours after theirs. Source: AUTOMATIC1111/stable-diffusion-webui, modules/infotext_utils.py.
 */
export function parametersText(params: FrameParams, plan: PrecisionPlanName): string {
  const pairs: readonly Pair[] = [
    ["Steps", params.steps],
    ["Sampler", SAMPLER_LABELS.get(params.sampler) ?? params.sampler],
    ["Schedule type", SCHEDULER_LABELS.get(params.scheduler) ?? params.scheduler],
    ["CFG scale", params.guidance_scale],
    ["Seed", params.seed],
    ["Size", `${params.width}x${params.height}`],
    ["Model", params.model],
    ...imagePairs(params),
    ["Shift", params.shift],
    ...skipLayerPairs(params),
    ["Precision plan", plan],
    ["Version", "Latentfarm"],
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
  return NEEDS_QUOTES.test(value) ? JSON.stringify(value) : value;
}
