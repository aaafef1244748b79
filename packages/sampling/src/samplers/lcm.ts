import { combine } from "../linear-combination.js";
import {
  completeStep,
  type MethodState,
  requestCurrent,
  type SamplerContext,
  type SamplerMethod,
} from "./method.js";

/**
 * `lcm`: takes the estimate for the picture, and makes it noisy again at the next sigma with fresh noise. Meant for
 * models distilled to jump to the picture in one go.
 *
 * Source: Song et al. 2023, "Consistency Models" (arXiv 2303.01469), algorithm 1; Luo et al. 2023 (arXiv 2310.04378);
 * ComfyUI `comfy/k_diffusion/sampling.py`, `sample_lcm`.
 */
export const lcm: SamplerMethod = { request: requestCurrent, advance };

function advance(state: MethodState, context: SamplerContext, denoised: Float32Array): MethodState {
  const sigmaNext = context.sigmas[state.step + 1]!;
  if (sigmaNext === 0) return completeStep(state, denoised);
  const noise = context.drawNoise(state.noiseDrawn);
  const latent = combine([sigmaNext, noise], [1 - sigmaNext, denoised]);
  return completeStep(state, latent, { drawn: 1 });
}
