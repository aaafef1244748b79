import type { OnnxDtype } from "../graph.js";

/**
 * What onnxruntime's CUDA provider computes, as far as our graphs use it. Each input is written as the dtypes that it
 * may have; "T" stands for {@link CudaOperator.types}, the same for all inputs so written.
 */
export interface CudaOperator {
  readonly types: readonly OnnxDtype[];
  readonly inputs: readonly ("T" | readonly OnnxDtype[])[];
  /** Any number of inputs, all as the first. */
  readonly variadic?: true;
  /** "T", a dtype, or "to": what the attribute of that name says. */
  readonly output: "T" | OnnxDtype | "to";
  /** Inputs that the kernel reads from the memory of the host. */
  readonly hostInputs?: readonly number[];
  /** The output lies in the memory of the host. */
  readonly hostOutput?: true;
}

const FLOATS = ["float32", "float16"] as const satisfies readonly OnnxDtype[];
const FLOAT8 = ["float8e4m3fn", "float8e5m2"] as const satisfies readonly OnnxDtype[];
/** What moves without arithmetic. FP8 is not among it: CUDA has no Transpose, Gather or Slice of FP8. */
const MOVABLE = [...FLOATS, "bfloat16", "uint8", "int32", "int64"] as const satisfies readonly OnnxDtype[];
const INT64 = ["int64"] as const satisfies readonly OnnxDtype[];
const INT32 = ["int32"] as const satisfies readonly OnnxDtype[];

const elementwise = (inputs: number): CudaOperator => ({
  types: FLOATS,
  inputs: new Array<"T">(inputs).fill("T"),
  output: "T",
});
const moving = (...rest: readonly (readonly OnnxDtype[])[]): CudaOperator => ({
  types: MOVABLE,
  inputs: ["T", ...rest],
  output: "T",
});

/**
 * The operators that a CUDA graph may use, by domain and name.
 * Source: microsoft/onnxruntime, docs/OperatorKernels.md, CUDAExecutionProvider, for opset 21; host memory: the kernel
 * definitions under onnxruntime/core/providers/cuda.
 */
export const CUDA_OPERATORS: Readonly<Record<string, CudaOperator>> = {
  Add: elementwise(2),
  Sub: elementwise(2),
  Mul: elementwise(2),
  Cos: elementwise(1),
  Sin: elementwise(1),
  Floor: elementwise(1),
  Sigmoid: elementwise(1),
  Gelu: elementwise(1),
  ReduceMax: elementwise(1),
  Conv: elementwise(3),
  MatMul: elementwise(2),
  LayerNormalization: elementwise(3),
  SimplifiedLayerNormalization: elementwise(2),
  InstanceNormalization: elementwise(3),
  SpaceToDepth: elementwise(1),
  DepthToSpace: elementwise(1),
  Resize: { types: FLOATS, inputs: ["T", FLOATS, ["float32"]], output: "T", hostInputs: [1, 2] },
  Cast: { types: [], inputs: [MOVABLE], output: "to" },
  DequantizeLinear: { types: FLOATS, inputs: [FLOAT8, "T"], output: "T" },
  Identity: moving(),
  Transpose: moving(),
  Concat: { ...moving(), variadic: true },
  Split: moving(),
  Gather: moving([...INT64, ...INT32]),
  GatherND: moving(INT64),
  Reshape: { ...moving(INT64), hostInputs: [1] },
  Unsqueeze: { ...moving(INT64), hostInputs: [1] },
  Slice: { ...moving(INT64, INT64, INT64, INT64), hostInputs: [1, 2, 3, 4] },
  Shape: { types: MOVABLE, inputs: ["T"], output: "int64", hostOutput: true },
  "com.microsoft:FusedMatMul": elementwise(2),
  "com.microsoft:QuickGelu": elementwise(1),
  "com.microsoft:MultiHeadAttention": {
    types: FLOATS,
    inputs: ["T", "T", "T", "T", INT32, "T"],
    output: "T",
  },
  "com.microsoft:MatMulBlockQuantizedFp8Weight": {
    types: ["float16"],
    inputs: ["T", ["float8e4m3fn"], ["float32"], ["float32"], "T"],
    output: "T",
  },
};
