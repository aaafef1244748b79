import {
  type Attribute,
  DATA_TYPE_CODES,
  type Dim,
  type Graph,
  type GraphNode,
  type Initializer,
  type ValueInfo,
} from "../graph.js";
import { ModelProto } from "./onnx-schema.js";

/** Opset 21 has the FP8 DequantizeLinear on CPU and CUDA; newer ones have fallen back to the CPU silently on CUDA. */
const AI_ONNX_OPSET = 21;
/** The only version of the contributed operators' domain. */
const COM_MICROSOFT_OPSET = 1;
/** The intermediate representation that belongs to opset 21. Source: onnx/docs/Versioning.md. */
const IR_VERSION = 10;
const DATA_LOCATION_EXTERNAL = 1;

/** Source: onnx.proto, AttributeProto.AttributeType. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The bytes of the ONNX model file of `graph`: a protobuf ModelProto. */
export function serializeModel(graph: Graph): Uint8Array {
  const message = {
    ir_version: IR_VERSION,
    producer_name: "latentfarm",
    opset_import: [
      { domain: "", version: AI_ONNX_OPSET },
      { domain: "com.microsoft", version: COM_MICROSOFT_OPSET },
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeMessage),
      initializer: graph.initializers.map(tensorMessage),
      input: graph.inputs.map(valueInfoMessage),
      output: graph.outputs.map(valueInfoMessage),
    },
  };
  return ModelProto.encode(message).finish();
}

function nodeMessage(node: GraphNode): object {
  return {
    input: node.inputs,
    output: node.outputs,
    name: node.name,
    op_type: node.op,
    domain: node.domain,
    attribute: Object.entries(node.attributes).map(([name, value]) => attributeMessage(name, value)),
  };
}

function attributeMessage(name: string, value: Attribute): object {
  if (typeof value === "number") return { name, type: ATTRIBUTE_TYPE.int, i: integer(name, value) };
  if (typeof value === "string")
    return { name, type: ATTRIBUTE_TYPE.string, s: new TextEncoder().encode(value) };
  if ("float" in value) return { name, type: ATTRIBUTE_TYPE.float, f: value.float };
  return { name, type: ATTRIBUTE_TYPE.ints, ints: value.map((item) => integer(name, item)) };
}

function integer(name: string, value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new TypeError(`Cannot serialize as int: attribute ${name} is ${value}; wrap floats in float()`);
  }
  return value;
}

function tensorMessage(initializer: Initializer): object {
  const { name, dtype, shape, data } = initializer;
  const base = { name, data_type: DATA_TYPE_CODES[dtype], dims: shape };
  if (data.kind === "inline") return { ...base, raw_data: data.bytes };
  return {
    ...base,
    data_location: DATA_LOCATION_EXTERNAL,
    external_data: [
      { key: "location", value: data.location },
      { key: "offset", value: String(data.byteOffset) },
      { key: "length", value: String(data.byteLength) },
    ],
  };
}

function valueInfoMessage(info: ValueInfo): object {
  return {
    name: info.name,
    type: {
      tensor_type: { elem_type: DATA_TYPE_CODES[info.dtype], shape: { dim: info.dims.map(dimMessage) } },
    },
  };
}

function dimMessage(dim: Dim): object {
  return typeof dim === "number" ? { dim_value: dim } : { dim_param: dim };
}
