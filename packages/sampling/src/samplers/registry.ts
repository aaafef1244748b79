import { dpmpp2m } from "./dpmpp-2m.js";
import { euler } from "./euler.js";
import type { SamplerMethod } from "./method.js";

/** The samplers on offer, by ComfyUI's names. */
export const SAMPLERS = ["euler", "dpmpp_2m"] as const;

/** The name of a sampler on offer. */
export type SamplerName = (typeof SAMPLERS)[number];

/** The method behind each name. */
export const SAMPLER_METHODS: Readonly<Record<SamplerName, SamplerMethod>> = { euler, dpmpp_2m: dpmpp2m };

/** True for the name of a sampler on offer. */
export function isSamplerName(name: string): name is SamplerName {
  return Object.hasOwn(SAMPLER_METHODS, name);
}
