import type { InferenceSession } from "onnxruntime-node";
import { CPU_PLAN, type PrecisionPlan } from "./device/precision-plan.js";

/** How a session is opened. */
export interface SessionOptions {
  /** By default the CPU's. The graph must be built for the same. */
  readonly plan?: PrecisionPlan;
  /** Threads inside one operator; 0 lets onnxruntime take one per core. */
  readonly threads?: number;
  /**
   * Whether the memory of the activations is kept for the next run; true by default. A component that runs once a
   * frame gives it back: the VAE's would be 6 GiB for the rest of the process's life after one large picture.
   */
  readonly keepArena?: boolean;
  /**
   * Whether weights are decoded once, at load, and kept as private float32 in the order that the products read them
   * in; false by default: they stay mapped and each run decodes them.
   */
  readonly foldWeights?: boolean;
}

/**
 * Graph optimizers that copy weights out of the mapped file at load. {@link FOLDING} expands every Cast from FP8 or
 * F16 to float32; the other one does so with F16 at level "all", behind constant folding, and hands its copy to the
 * NCHWc optimizer, which makes another. Measured with SD3's VAE decoder, 99 MB of F16: 440 MB of private memory with
 * it, none without, and 3.2 instead of 2.9 s for 256x256 on 2 busy cores. An F16 denoiser of 16 GB would take 32 GB.
 *
 * Source: onnxruntime, `core/optimizer/graph_transformer_utils.cc`, `GenerateTransformers`.
 */
const FOLDING = "ConstantFolding";
const FLOAT16_COPYING = "FuseFp16InitializerToFp32NodeTransformer";

/**
 * What onnxruntime is told.
 *
 * Weights stay in the mapped file: {@link FOLDING} and {@link FLOAT16_COPYING} are off, and so is prepacking, whose
 * packed weight is a private copy. Where they are to be folded, `disable_quant_qdq` is on: without it constant folding
 * leaves a DequantizeLinear as it is, for the sake of integer models.
 * A component whose weights are mapped does without the memory pattern: from the second run on it would be one more
 * block beside the arena (measured with SD3.5 Large: 780 MB of private memory in the first call, 1370 in the second),
 * and no step was measured to be faster with it.
 * Spinning is off: waiting threads would burn the cores that the other processes of the farm need. Measured with the
 * demo model on 2 busy cores, 2 threads, 2 rows: median 22.1 ms with it, 10.0 ms without; on idle cores 9.1 and 9.8.
 * On CUDA a node that would run on the CPU is an error, since it would be slow in silence; and weights are allocated
 * beside the arena, which grows by doubling.
 */
export function sessionOptions(
  weightsFolder: string,
  { plan = CPU_PLAN, threads = 0, keepArena = true, foldWeights = false }: SessionOptions = {},
): InferenceSession.SessionOptions {
  const onCuda = plan.kind === "cuda";
  return {
    executionProviders: onCuda ? [{ name: "cuda", deviceId: 0 }] : ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: keepArena,
    enableMemPattern: keepArena && (onCuda || foldWeights),
    logSeverityLevel: 3,
    extra: {
      session: {
        model_external_initializers_file_folder_path: weightsFolder,
        ...(foldWeights ? { disable_quant_qdq: "1" } : { disable_prepacking: "1" }),
        intra_op: { allow_spinning: "0" },
        ...(onCuda && { disable_cpu_ep_fallback: "1", use_device_allocator_for_initializers: "1" }),
      },
      optimization: {
        disable_specified_optimizers: foldWeights ? FLOAT16_COPYING : `${FOLDING};${FLOAT16_COPYING}`,
      },
    },
  };
}
