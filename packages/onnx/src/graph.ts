/** Element types of tensors in a graph, by ONNX's own names in lower case. Source: onnx.proto, TensorProto.DataType. */
export type OnnxDtype =
  | "float32"
  | "float16"
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e5m2"
  | "int64"
  | "int32"
  | "uint8"
  | "uint16"
  | "bool";

/** Bytes of one element of each {@link OnnxDtype}. */
export const ELEMENT_BYTES = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  float8e4m3fn: 1,
  float8e5m2: 1,
  int64: 8,
  int32: 4,
  uint8: 1,
  uint16: 2,
  bool: 1,
} as const satisfies Record<OnnxDtype, number>;

/** The number of each {@link OnnxDtype} in ONNX's files; a Cast names its target by it. Source: onnx.proto, TensorProto.DataType. */
export const DATA_TYPE_CODES = {
  float32: 1,
  uint8: 2,
  uint16: 4,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e5m2: 19,
} as const satisfies Record<OnnxDtype, number>;

/** One axis: a fixed length, or the name of a length that is known only at run time. */
export type Dim = number | string;

/** An edge of the graph: a graph input, an initializer, or an output of a node. */
export interface Value {
  readonly name: string;
}

/** A floating-point attribute. Integers are written as plain numbers, so a float says so. */
export interface FloatAttribute {
  readonly float: number;
}

/** What a node's attribute may hold in the graphs of this project. */
export type Attribute = number | string | FloatAttribute | readonly number[];

/** Attributes of a node by ONNX's names; plain numbers and number lists are integers. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Marks `value` as a float attribute. */
export function float(value: number): FloatAttribute {
  return { float: value };
}

/** One operator. `domain` is "" for ai.onnx; an absent optional input is "". */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** Where the bytes of an initializer lie: in the model itself, or at an offset of a file beside it. */
export type InitializerData =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | {
      readonly kind: "external";
      /** File name within the weights folder, without any folder part. */
      readonly location: string;
      readonly byteOffset: number;
      readonly byteLength: number;
    };

/** A constant tensor of the graph. */
export interface Initializer {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  readonly data: InitializerData;
}

/** A graph input or output with its type. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly dims: readonly Dim[];
}

/** A finished graph. Nodes are in the order in which they are serialised. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: readonly Initializer[];
}
