export { type BrownianTreeOptions, createBrownianTree } from "./brownian-tree.js";
export { denoise, TIMESTEP_SCALE } from "./flow.js";
export { guide, needsUnconditional } from "./guidance.js";
export { LATENT_CHANNELS, LATENT_SCALE, latentToVae, vaeToLatent } from "./latent-format.js";
export { latentPreview } from "./latent-preview.js";
export { randn } from "./noise.js";
export {
  createSampler,
  restoreSampler,
  type Sampler,
  type SamplerInit,
  type SamplerPlan,
} from "./sampler.js";
export { SAMPLER_STATE_VERSION, type SamplerState } from "./sampler-state.js";
export type { NetworkRequest } from "./samplers/method.js";
export { isSamplerName, SAMPLERS, type SamplerName } from "./samplers/registry.js";
export { isSchedulerName, SCHEDULERS, type SchedulerName } from "./schedules/registry.js";
export { seedSequence } from "./seed-sequence.js";
export { SHIFT_MAX, type SigmaOptions, STEPS_MAX, sigmas } from "./sigmas.js";
export { leadFromSkipped, type SigmaRange, sigmaRange } from "./skip-layers.js";
