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

const SAMPLER_NAMES = inverse(SAMPLER_LABELS);
const SCHEDULER_NAMES = inverse(SCHEDULER_LABELS);

/** AUTOMATIC1111's word for a sampler. */
export function samplerLabel(name: string): string {
  return SAMPLER_LABELS.get(name) ?? name;
}

/** AUTOMATIC1111's word for a schedule. */
export function schedulerLabel(name: string): string {
  return SCHEDULER_LABELS.get(name) ?? name;
}

/** The sampler of a word of AUTOMATIC1111's; a word that is none stands as it is. */
export function samplerName(label: string): string {
  return SAMPLER_NAMES.get(label) ?? label;
}

/** The schedule of a word of AUTOMATIC1111's; a word that is none stands as it is. */
export function schedulerName(label: string): string {
  return SCHEDULER_NAMES.get(label) ?? label;
}

function inverse(labels: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...labels].map(([name, label]) => [label, name]));
}
