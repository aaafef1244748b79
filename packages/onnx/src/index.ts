export { findCudaFaults } from "./cuda/find-cuda-faults.js";
export {
  type Attribute,
  type Attributes,
  DATA_TYPE_CODES,
  type Dim,
  ELEMENT_BYTES,
  type FloatAttribute,
  float,
  type Graph,
  type GraphNode,
  type Initializer,
  type InitializerData,
  type OnnxDtype,
  type Value,
  type ValueInfo,
} from "./graph.js";
export { createGraph, type ExternalTensor, type GraphBuilder, type Inputs } from "./graph-builder.js";
export { roundFloat16 } from "./passes/round-float16.js";
export { FUSED_FLOAT8_OP, unfuseFloat8 } from "./passes/unfuse-float8.js";
export { serializeModel } from "./serde/serialize-model.js";
