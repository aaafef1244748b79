export { type ComponentGraph, type ComponentName, finishComponent } from "./component-graph.js";
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
