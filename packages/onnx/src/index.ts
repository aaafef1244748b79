export {
  type Attribute,
  type Attributes,
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
export { serializeModel } from "./serde/serialize-model.js";
