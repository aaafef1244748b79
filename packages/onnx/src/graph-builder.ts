import { createHash } from "node:crypto";
import { invariant } from "@latentfarm/contract";
import {
  type Attributes,
  type Dim,
  ELEMENT_BYTES,
  type Graph,
  type GraphNode,
  type Initializer,
  type OnnxDtype,
  type Value,
  type ValueInfo,
} from "./graph.js";

/** An initializer whose bytes lie in a checkpoint file. */
export interface ExternalTensor {
  /** The initializer's name; equal to the checkpoint key. */
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  /** Base name of the file within the weights folder. */
  readonly location: string;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** A node's inputs in order; `undefined` is an optional input left out. */
export type Inputs = readonly (Value | undefined)[];

/**
 * Builds one graph. A builder is a scope: `in("joint_blocks")` gives a builder of the same graph whose nodes carry
 * that name in front, so node names descend as checkpoint keys do. Operators are named as ONNX names them; one of
 * another domain is written "com.microsoft:MultiHeadAttention".
 */
export interface GraphBuilder {
  /** A builder of the same graph, one scope deeper. */
  in(scope: string | number): GraphBuilder;
  input(name: string, dtype: OnnxDtype, dims: readonly Dim[]): Value;
  output(
    name: string,
    value: Value,
    type: { readonly dtype: OnnxDtype; readonly dims: readonly Dim[] },
  ): void;
  /** Adds a node with one output. */
  node(op: string, inputs: Inputs, attributes?: Attributes): Value;
  /** Adds a node with `outputCount` outputs. */
  nodes(
    op: string,
    inputs: Inputs,
    options: { attributes?: Attributes; outputCount: number },
  ): readonly Value[];
  /**
   * Adds a node that turns a stored weight into computable numbers (DequantizeLinear, Cast). All of these are
   * serialised before every other node: onnxruntime then runs each just before its consumer, and one decoded weight
   * lives at a time (listed beside their consumers, all of them would run first and live at once).
   */
  decode(op: string, inputs: Inputs, attributes?: Attributes): Value;
  /** A small constant held in the model itself; equal constants are one initializer. */
  constant(dtype: "float32" | "int64", shape: readonly number[], values: readonly number[]): Value;
  /** A constant given as its bytes, for dtypes that JavaScript has no array of; equal constants are one initializer. */
  inline(dtype: OnnxDtype, shape: readonly number[], bytes: Uint8Array): Value;
  /** A weight that stays in its file; asking twice for a name gives the same value. */
  external(tensor: ExternalTensor): Value;
  /** The finished graph. The builder must not be used afterwards. */
  finish(): Graph;
}

/** Values of a constant that its name spells out: the dims of a Reshape of rank 6 with room to spare. */
const CONSTANT_VALUES_SHOWN = 8;

interface State {
  readonly name: string;
  readonly inputs: ValueInfo[];
  readonly outputs: ValueInfo[];
  readonly decodeNodes: GraphNode[];
  readonly nodes: GraphNode[];
  readonly initializers: Map<string, Initializer>;
  readonly names: Set<string>;
}

/** Starts an empty graph named `name`. */
export function createGraph(name: string): GraphBuilder {
  return scopedBuilder(
    {
      name,
      inputs: [],
      outputs: [],
      decodeNodes: [],
      nodes: [],
      initializers: new Map(),
      names: new Set(),
    },
    "",
  );
}

function scopedBuilder(state: State, scope: string): GraphBuilder {
  const add = (
    list: GraphNode[],
    op: string,
    inputs: Inputs,
    options: { attributes?: Attributes; outputCount: number },
  ) => addNode(state, { list, scope, op, inputs, ...options });
  return {
    in: (child) => scopedBuilder(state, `${scope}${child}.`),
    input: (name, dtype, dims) => {
      claimName(state, name);
      state.inputs.push({ name, dtype, dims });
      return { name };
    },
    output: (name, value, { dtype, dims }) => {
      claimName(state, name);
      state.outputs.push({ name, dtype, dims });
      state.nodes.push({
        name: `output.${name}`,
        op: "Identity",
        domain: "",
        inputs: [value.name],
        outputs: [name],
        attributes: {},
      });
    },
    node: (op, inputs, attributes = {}) => only(add(state.nodes, op, inputs, { attributes, outputCount: 1 })),
    nodes: (op, inputs, options) => add(state.nodes, op, inputs, options),
    decode: (op, inputs, attributes = {}) =>
      only(add(state.decodeNodes, op, inputs, { attributes, outputCount: 1 })),
    constant: (dtype, shape, values) => addConstant(state, { dtype, shape, values }),
    inline: (dtype, shape, bytes) => addInline(state, { dtype, shape, bytes }),
    external: (tensor) => addExternal(state, tensor),
    finish: () => finishGraph(state),
  };
}

function only(values: readonly Value[]): Value {
  const [value] = values;
  invariant(value !== undefined && values.length === 1, "a node added by node() has one output");
  return value;
}

function claimName(state: State, name: string): void {
  invariant(!state.names.has(name), `value name ${name} is used once in graph ${state.name}`);
  state.names.add(name);
}

interface NodeRequest {
  readonly list: GraphNode[];
  readonly scope: string;
  readonly op: string;
  readonly inputs: Inputs;
  readonly attributes?: Attributes;
  readonly outputCount: number;
}

function addNode(state: State, request: NodeRequest): readonly Value[] {
  const [first = "", second] = request.op.split(":");
  const [domain, op] = second === undefined ? ["", first] : [first, second];
  const name = `${request.scope}${op}_${state.nodes.length + state.decodeNodes.length}`;
  const outputs = Array.from({ length: request.outputCount }, (_, i) => `${name}:${i}`);
  for (const output of outputs) claimName(state, output);
  request.list.push({
    name,
    op,
    domain,
    inputs: request.inputs.map((input) => input?.name ?? ""),
    outputs,
    attributes: request.attributes ?? {},
  });
  return outputs.map((output) => ({ name: output }));
}

function addConstant(
  state: State,
  constant: { dtype: "float32" | "int64"; shape: readonly number[]; values: readonly number[] },
): Value {
  const { dtype, shape, values } = constant;
  const count = shape.reduce((product, length) => product * length, 1);
  invariant(
    count === values.length,
    `a constant of shape [${shape}] holds ${count} values, not ${values.length}`,
  );
  const bytes =
    dtype === "float32"
      ? new Uint8Array(Float32Array.from(values).buffer)
      : new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
  const label = values.length <= CONSTANT_VALUES_SHOWN ? values.join(",") : undefined;
  return addInline(state, { dtype, shape, bytes, label });
}

/** Without a label the name holds a digest: each node that reads a constant repeats its name. */
function addInline(
  state: State,
  constant: {
    dtype: OnnxDtype;
    shape: readonly number[];
    bytes: Uint8Array;
    label?: string | undefined;
  },
): Value {
  const { dtype, shape, bytes } = constant;
  const count = shape.reduce((product, length) => product * length, 1);
  invariant(
    count * ELEMENT_BYTES[dtype] === bytes.length,
    `a constant of shape [${shape}] fills its ${bytes.length} bytes`,
  );
  const label = constant.label ?? createHash("sha256").update(bytes).digest("hex");
  const name = `const.${dtype}[${shape}](${label})`;
  if (!state.initializers.has(name)) {
    claimName(state, name);
    state.initializers.set(name, { name, dtype, shape, data: { kind: "inline", bytes } });
  }
  return { name };
}

function addExternal(state: State, tensor: ExternalTensor): Value {
  const { name, dtype, shape, location, byteOffset, byteLength } = tensor;
  const known = state.initializers.get(name);
  if (known !== undefined) {
    invariant(known.dtype === dtype && `${known.shape}` === `${shape}`, `${name} has one type and shape`);
    return { name };
  }
  const count = shape.reduce((product, length) => product * length, 1);
  invariant(
    count * ELEMENT_BYTES[dtype] === byteLength,
    `${name} of shape [${shape}] fills its ${byteLength} bytes`,
  );
  invariant(!/[\\/]/.test(location), `location of ${name} is a bare file name`);
  claimName(state, name);
  state.initializers.set(name, {
    name,
    dtype,
    shape,
    data: { kind: "external", location, byteOffset, byteLength },
  });
  return { name };
}

function finishGraph(state: State): Graph {
  const known = new Set(["", ...state.inputs.map((input) => input.name), ...state.initializers.keys()]);
  const nodes = [...state.decodeNodes, ...state.nodes];
  for (const node of nodes) {
    for (const input of node.inputs)
      invariant(known.has(input), `${input} is computed before ${node.name} reads it`);
    for (const output of node.outputs) known.add(output);
  }
  return {
    name: state.name,
    inputs: state.inputs,
    outputs: state.outputs,
    nodes,
    initializers: [...state.initializers.values()],
  };
}
