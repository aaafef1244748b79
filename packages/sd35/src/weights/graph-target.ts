/**
 * What a graph is built for: `cpu` computes in float32 by ordinary operators, `cuda` in float16 by those that
 * onnxruntime has for CUDA, FP8 weights being read by a fused product. Inputs and outputs are float32 on both.
 */
export type GraphTarget = "cpu" | "cuda";

/** The element type that a graph computes in. */
export type ComputeType = "float32" | "float16";

/** The element type in which each target computes, where nothing else is said. */
export const COMPUTE_TYPES = { cpu: "float32", cuda: "float16" } as const satisfies Record<
  GraphTarget,
  ComputeType
>;
