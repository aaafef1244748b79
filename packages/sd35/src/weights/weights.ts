import type { FarmError } from "@latentfarm/contract";
import { DATA_TYPE_CODES, type GraphBuilder, type OnnxDtype, type Value } from "@latentfarm/onnx";
import { type Dtype, encodeFloat32, type TensorInfo } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
import { COMPUTE_TYPES, type ComputeType, type GraphTarget } from "./graph-target.js";
import { isFloat8 } from "./quantization.js";
import type { WeightSource } from "./weight-source.js";

/**
 * A place in a checkpoint together with the same place in the graph that is being built: `in("joint_blocks").in(0)`
 * descends in both, so that node names read as the keys do.
 */
export interface Weights {
  /** The graph's builder at this scope. */
  readonly graph: GraphBuilder;
  /** Key prefix of this scope, ending in "." unless empty. */
  readonly prefix: string;
  readonly target: GraphTarget;
  /** The type that this scope computes in: what {@link tensor} and {@link constant} give. */
  readonly compute: ComputeType;
  in(scope: string | number): Weights;
  /** The same place, computing in float32: for what float16 cannot hold. */
  inFloat32(): Weights;
  /** True when the file has a tensor of this name here. */
  has(name: string): boolean;
  /**
   * The shape of a tensor.
   * @throws {FarmError} model_invalid when the file lacks it
   */
  shape(name: string): readonly number[];
  /**
   * The element type of a tensor, as the file's header spells it.
   * @throws {FarmError} model_invalid when the file lacks it or it is no float
   */
  dtype(name: string): Dtype;
  /**
   * A tensor in the type that the scope computes in, decoded at run time from the mapped file. FP8 without a scale of
   * its own is taken as it is.
   * @throws {FarmError} model_invalid when the file lacks it, it is no float, or it has another shape than `shape`
   */
  tensor(name: string, shape?: readonly number[]): Value;
  /**
   * The weight of a linear layer, ``[out, in]``: as {@link tensor}, and an FP8 weight must have a scale where
   * the file is a scaled one.
   * @throws {FarmError} model_invalid as {@link tensor}, and for a missing scale
   */
  linearWeight(name: string, shape?: readonly number[]): Value;
  /**
   * The FP8 weight of a linear layer as it is stored, with its scale.
   * @throws {FarmError} model_invalid as {@link linearWeight}
   */
  float8Weight(name: string, shape?: readonly number[]): Float8Weight;
  /** Numbers in the type that the scope computes in. */
  constant(shape: readonly number[], values: readonly number[]): Value;
  /**
   * A tensor as it is stored, not decoded. `view` overrides how its bytes are read: another shape of as many elements,
   * or `uint8` for FP8, which ONNX cannot slice.
   * @throws {FarmError} model_invalid when the file lacks it or it is no float
   */
  stored(name: string, view?: TensorView): Value;
  /** The error for a file whose parts do not fit: model_invalid that names the file. `reason` reads "<field> is <value>". */
  fault(reason: string): FarmError;
}

/** A stored FP8 weight ``[rows, columns]``; its numbers are to be multiplied by the scale. */
export interface Float8Weight {
  readonly stored: Value;
  readonly scale: number;
  readonly rows: number;
  readonly columns: number;
}

/** How the bytes of a stored tensor are read, where that differs from the file's header. */
export interface TensorView {
  readonly dtype?: OnnxDtype;
  readonly shape?: readonly number[];
}

/** ONNX's names of the dtypes that weights may have. F64 and integers are no weights. */
const WEIGHT_DTYPES: ReadonlyMap<Dtype, OnnxDtype> = new Map([
  ["F32", "float32"],
  ["F16", "float16"],
  ["BF16", "bfloat16"],
  ["F8_E4M3", "float8e4m3fn"],
  ["F8_E5M2", "float8e5m2"],
]);

/** What a {@link Weights} scope is made of. */
export interface WeightsOptions {
  readonly graph: GraphBuilder;
  readonly source: WeightSource;
  /** Where the component starts in the file: "model.diffusion_model.", or "" for a file of its own. */
  readonly prefix: string;
  /** What the weights serve as, with its article, for messages: "an SD3 diffusion model". */
  readonly as: string;
  /** "cpu" by default. */
  readonly target?: GraphTarget;
  /** By default that of the target. */
  readonly compute?: ComputeType;
}

/** Opens the scope of a component in a checkpoint file. */
export function createWeights(options: WeightsOptions): Weights {
  const { graph, prefix, target = "cpu", compute = COMPUTE_TYPES[target] } = options;
  return {
    graph,
    prefix,
    target,
    compute,
    in: (scope) => createWeights({ ...options, graph: graph.in(scope), prefix: `${prefix}${scope}.` }),
    inFloat32: () => createWeights({ ...options, compute: "float32" }),
    has: (name) => options.source.header.tensors.has(prefix + name),
    shape: (name) => findTensor(options, name).shape,
    dtype: (name) => findTensor(options, name).dtype,
    tensor: (name, shape) => decodeTensor(options, findTensor(options, name, shape), compute),
    linearWeight: (name, shape) => {
      const info = findTensor(options, name, shape);
      checkScale(options, info);
      return decodeTensor(options, info, compute);
    },
    float8Weight: (name, shape) => {
      const info = findTensor(options, name, shape);
      checkScale(options, info);
      const [rows = 0, columns = 0] = info.shape;
      return { stored: storedTensor(options, info), scale: takeScale(options, info), rows, columns };
    },
    constant: (constantShape, values) => addConstant(graph, compute, { shape: constantShape, values }),
    stored: (name, view) => storedTensor(options, findTensor(options, name), view),
    fault: (reason) => invalidModel({ file: options.source.name, as: options.as, reason }),
  };
}

function findTensor(
  { source, prefix, as }: WeightsOptions,
  name: string,
  shape?: readonly number[],
): TensorInfo {
  const key = prefix + name;
  const info = source.header.tensors.get(key);
  const fault = (reason: string) => invalidModel({ file: source.name, as, reason, details: { tensor: key } });
  if (info === undefined) {
    throw fault(`tensor ${key} is missing${shape === undefined ? "" : `, expected shape [${shape}]`}`);
  }
  if (shape !== undefined && !sameShape(shape, info.shape)) {
    throw fault(`shape of ${key} is [${info.shape}], expected [${shape}]`);
  }
  if (!WEIGHT_DTYPES.has(info.dtype)) {
    throw fault(`dtype of ${key} is ${info.dtype}, expected one of ${[...WEIGHT_DTYPES.keys()].join(", ")}`);
  }
  return info;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

function checkScale({ source, as }: WeightsOptions, info: TensorInfo): void {
  const { scales, scaledPrefixes } = source.quantization;
  if (!isFloat8(info.dtype) || scales.has(layerOf(info))) return;
  const marked = scaledPrefixes.find((prefix) => info.name.startsWith(prefix));
  if (marked === undefined) return;
  const layer = layerOf(info);
  const reason = `scale of ${info.name} is missing, expected ${layer}.scale_weight or ${layer}.weight_scale, as other keys under "${marked}" say that the file is scaled FP8`;
  throw invalidModel({ file: source.name, as, reason, details: { tensor: info.name } });
}

/** The layer key of a weight; other tensors have no scale and give a key that no scale has. */
function layerOf(info: TensorInfo): string {
  return info.name.endsWith(".weight") ? info.name.slice(0, -".weight".length) : info.name;
}

function storedTensor({ graph, source }: WeightsOptions, info: TensorInfo, view: TensorView = {}): Value {
  const { name, shape, byteOffset, byteLength } = info;
  source.usedTensors.add(name);
  return graph.external({
    name,
    dtype: view.dtype ?? WEIGHT_DTYPES.get(info.dtype) ?? "float32",
    shape: view.shape ?? shape,
    location: source.location,
    byteOffset,
    byteLength,
  });
}

function addConstant(
  graph: GraphBuilder,
  compute: ComputeType,
  { shape, values }: { readonly shape: readonly number[]; readonly values: readonly number[] },
): Value {
  if (compute === "float32") return graph.constant("float32", shape, values);
  return graph.inline("float16", shape, encodeFloat32("F16", Float32Array.from(values)));
}

/** FP8 goes through DequantizeLinear because onnxruntime expands a Cast from FP8 at load; see DESIGN.md section 5. */
function decodeTensor(options: WeightsOptions, info: TensorInfo, compute: ComputeType): Value {
  const { graph } = options;
  const stored = storedTensor(options, info);
  const cast = (value: Value) => graph.decode("Cast", [value], { to: DATA_TYPE_CODES[compute] });
  if (WEIGHT_DTYPES.get(info.dtype) === compute) return stored;
  if (!isFloat8(info.dtype)) return cast(stored);
  const scale = takeScale(options, info);
  // DequantizeLinear gives the type of its scale, and a scale other than 1 is not exact in float16.
  const type = scale === 1 ? compute : "float32";
  const decoded = graph.decode("DequantizeLinear", [
    stored,
    addConstant(graph, type, { shape: [], values: [scale] }),
  ]);
  return type === compute ? decoded : cast(decoded);
}

/** The scale of an FP8 tensor, 1 where it has none; notes that it is used. */
function takeScale({ source }: WeightsOptions, info: TensorInfo): number {
  const layer = layerOf(info);
  const scale = source.quantization.scales.get(layer);
  if (scale === undefined) return 1;
  for (const suffix of ["scale_weight", "weight_scale"]) {
    if (source.header.tensors.has(`${layer}.${suffix}`)) source.usedTensors.add(`${layer}.${suffix}`);
  }
  return scale;
}
