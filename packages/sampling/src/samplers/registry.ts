import { ddpm } from "./ddpm.js";
import { deis } from "./deis.js";
import { dpm2 } from "./dpm-2.js";
import { dpmpp2m } from "./dpmpp-2m.js";
import { dpmpp2mSde, dpmpp2mSdeHeun } from "./dpmpp-2m-sde.js";
import { dpmpp2sAncestral } from "./dpmpp-2s-ancestral.js";
import { dpmpp3mSde } from "./dpmpp-3m-sde.js";
import { dpmppSde } from "./dpmpp-sde.js";
import { erSde } from "./er-sde.js";
import { euler } from "./euler.js";
import { eulerAncestral } from "./euler-ancestral.js";
import { gradientEstimation } from "./gradient-estimation.js";
import { heun } from "./heun.js";
import { heunpp2 } from "./heunpp2.js";
import { ipndm } from "./ipndm.js";
import { lcm } from "./lcm.js";
import { lms } from "./lms.js";
import type { SamplerMethod } from "./method.js";
import { resMultistep } from "./res-multistep.js";
import { seeds2 } from "./seeds-2.js";

/** The samplers on offer, by ComfyUI's names and in its order. */
export const SAMPLERS = [
  "euler",
  "euler_ancestral",
  "heun",
  "heunpp2",
  "dpm_2",
  "lms",
  "dpmpp_2s_ancestral",
  "dpmpp_sde",
  "dpmpp_sde_gpu",
  "dpmpp_2m",
  "dpmpp_2m_sde",
  "dpmpp_2m_sde_gpu",
  "dpmpp_2m_sde_heun",
  "dpmpp_2m_sde_heun_gpu",
  "dpmpp_3m_sde",
  "dpmpp_3m_sde_gpu",
  "ddpm",
  "lcm",
  "ipndm",
  "deis",
  "res_multistep",
  "gradient_estimation",
  "er_sde",
  "seeds_2",
  "ddim",
] as const;

/** The name of a sampler on offer. */
export type SamplerName = (typeof SAMPLERS)[number];

/**
 * The method behind each name. `ddim` is `euler` for a flow model. ComfyUI's `_gpu` names draw their noise on the GPU,
 * where it cannot be reproduced; here they draw what the names without it draw.
 */
export const SAMPLER_METHODS: Readonly<Record<SamplerName, SamplerMethod>> = {
  euler,
  euler_ancestral: eulerAncestral,
  heun,
  heunpp2,
  dpm_2: dpm2,
  lms,
  dpmpp_2s_ancestral: dpmpp2sAncestral,
  dpmpp_sde: dpmppSde,
  dpmpp_sde_gpu: dpmppSde,
  dpmpp_2m: dpmpp2m,
  dpmpp_2m_sde: dpmpp2mSde,
  dpmpp_2m_sde_gpu: dpmpp2mSde,
  dpmpp_2m_sde_heun: dpmpp2mSdeHeun,
  dpmpp_2m_sde_heun_gpu: dpmpp2mSdeHeun,
  dpmpp_3m_sde: dpmpp3mSde,
  dpmpp_3m_sde_gpu: dpmpp3mSde,
  ddpm,
  lcm,
  ipndm,
  deis,
  res_multistep: resMultistep,
  gradient_estimation: gradientEstimation,
  er_sde: erSde,
  seeds_2: seeds2,
  ddim: euler,
};

/** True for the name of a sampler on offer. */
export function isSamplerName(name: string): name is SamplerName {
  return Object.hasOwn(SAMPLER_METHODS, name);
}
