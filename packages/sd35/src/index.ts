export { type ComponentGraph, type ComponentName, finishComponent } from "./component-graph.js";
export {
  type Architecture,
  detectMmdit,
  findMmditPrefix,
  HEAD_WIDTH,
  LATENT_CHANNELS,
  type MmditConfig,
  PATCH_SIZE,
} from "./mmdit/config.js";
export { buildMmdit } from "./mmdit/mmdit.js";
export { detectVae, findVaePrefix, type VaeConfig, type VaeHalf } from "./vae/config.js";
export { buildVaeDecoder } from "./vae/decoder.js";
export { buildVaeEncoder } from "./vae/encoder.js";
export { identifyFile } from "./weights/identify-file.js";
export { linear } from "./weights/linear.js";
export {
  isFloat8,
  type Quantization,
  type QuantizationForm,
  readQuantization,
} from "./weights/quantization.js";
export { unusedTensors } from "./weights/unused-tensors.js";
export { openWeightSource, type WeightSource } from "./weights/weight-source.js";
export { createWeights, type Weights, type WeightsOptions } from "./weights/weights.js";
