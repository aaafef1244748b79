import type { FarmError } from "@latentfarm/contract";
import type { GraphBuilder, OnnxDtype, Value } from "@latentfarm/onnx";
import type { Dtype, TensorInfo } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
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
  in(scope: string | number): Weights;
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
   * A tensor as float32, decoded at run time from the mapped file. FP8 without a scale of its own is taken as it is.
   * @throws {FarmError} model_invalid when the file lacks it, it is no float, or it has another shape than `shape`
   */
  tensor(name: string, shape?: readonly number[]): Value;
  /**
   * The weight of a linear layer, ``float32 [out, in]``: as {@link tensor}, and an FP8 weight must have a scale where
   * the file is a scaled one.
   * @throws {FarmError} model_invalid as {@link tensor}, and for a missing scale
   */
  linearWeight(name: string, shape?: readonly number[]): Value;
  /**
   * A tensor as it is stored, not decoded. `view` overrides how its bytes are read: another shape of as many elements,
   * or `uint8` for FP8, which ONNX cannot slice.
   * @throws {FarmError} model_invalid when the file lacks it or it is no float
   */
  stored(name: string, view?: TensorView): Value;
  /** The error for a file whose parts do not fit: model_invalid that names the file. `reason` reads "<field> is <value>". */
  fault(reason: string): FarmError;
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

/** TensorProto.DataType.FLOAT, the target of Cast. Source: onnx.proto. */
const ONNX_FLOAT = 1;

/** What a {@link Weights} scope is made of. */
export interface WeightsOptions {
  readonly graph: GraphBuilder;
  readonly source: WeightSource;
  /** Where the component starts in the file: "model.diffusion_model.", or "" for a file of its own. */
  readonly prefix: string;
  /** What the weights serve as, with its article, for messages: "an SD3 diffusion model". */
  readonly as: string;
}

/** Opens the scope of a component in a checkpoint file. */
export function createWeights(options: WeightsOptions): Weights {
  const { graph, prefix } = options;
  return {
    graph,
    prefix,
    in: (scope) => createWeights({ ...options, graph: graph.in(scope), prefix: `${prefix}${scope}.` }),
    has: (name) => options.source.header.tensors.has(prefix + name),
    shape: (name) => findTensor(options, name).shape,
    dtype: (name) => findTensor(options, name).dtype,
    tensor: (name, shape) => decodeTensor(options, findTensor(options, name, shape)),
    linearWeight: (name, shape) => {
      const info = findTensor(options, name, shape);
      checkScale(options, info);
      return decodeTensor(options, info);
    },
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

/** FP8 goes through DequantizeLinear because onnxruntime expands a Cast from FP8 at load; see DESIGN.md section 5. */
function decodeTensor(options: WeightsOptions, info: TensorInfo): Value {
  const { graph, source } = options;
  const stored = storedTensor(options, info);
  if (info.dtype === "F32") return stored;
  if (!isFloat8(info.dtype)) return graph.decode("Cast", [stored], { to: ONNX_FLOAT });
  const layer = layerOf(info);
  const scale = source.quantization.scales.get(layer);
  if (scale !== undefined) {
    for (const suffix of ["scale_weight", "weight_scale"]) {
      if (source.header.tensors.has(`${layer}.${suffix}`)) source.usedTensors.add(`${layer}.${suffix}`);
    }
  }
  return graph.decode("DequantizeLinear", [stored, graph.constant("float32", [], [scale ?? 1])]);
}
