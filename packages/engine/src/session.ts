import type { ComponentGraph } from "@latentfarm/sd35";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { toFarmError } from "./onnxruntime-error.js";

/** A tensor that goes into a session: dims in row-major order. */
export type InputTensor =
  | { readonly dtype: "float32"; readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "int64"; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** A float32 tensor that comes out of a session. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A resident component: its weights stay mapped until {@link Session.release}. */
export interface Session {
  /**
   * Runs the graph once. It blocks the event loop of this process for the whole run.
   * @throws {FarmError} internal when an input does not fit the graph or the run fails
   */
  run(inputs: Readonly<Record<string, InputTensor>>): Promise<Readonly<Record<string, OutputTensor>>>;
  /** Frees the session's memory. */
  release(): Promise<void>;
}

/**
 * Graph optimizers that copy weights out of the mapped file at load. ConstantFolding expands every Cast from FP8 or
 * F16 to float32; the other one does so with F16 at level "all", behind constant folding, and hands its copy to the
 * NCHWc optimizer, which makes another. Measured with SD3's VAE decoder, 99 MB of F16: 440 MB of private memory with
 * it, none without, and 3.2 instead of 2.9 s for 256x256 on 2 busy cores. An F16 denoiser of 16 GB would take 32 GB.
 *
 * Source: onnxruntime, `core/optimizer/graph_transformer_utils.cc`, `GenerateTransformers`.
 */
const COPYING_OPTIMIZERS: readonly string[] = ["ConstantFolding", "FuseFp16InitializerToFp32NodeTransformer"];

/** How a session is opened. */
export interface SessionOptions {
  /** Threads inside one operator; 0 lets onnxruntime take one per core. */
  readonly threads?: number;
  /**
   * Whether the memory of the activations is kept for the next run; true by default. A component that runs once a
   * frame gives it back: the VAE's would be 6 GiB for the rest of the process's life after one large picture.
   */
  readonly keepArena?: boolean;
}

/**
 * Opens a component for the CPU.
 *
 * Weights stay in the mapped file: {@link COPYING_OPTIMIZERS} are off, and so is prepacking, whose packed weight is a
 * private copy.
 * Spinning is off: waiting threads would burn the cores that the other processes of the farm need. Measured with the
 * demo model on 2 busy cores, 2 threads, 2 rows: median 22.1 ms with it, 10.0 ms without; on idle cores 9.1 and 9.8.
 * @throws {FarmError} model_invalid when onnxruntime refuses the graph or its weights
 */
export async function createSession(graph: ComponentGraph, options: SessionOptions = {}): Promise<Session> {
  const { threads = 0, keepArena = true } = options;
  const session = await InferenceSession.create(graph.model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: keepArena,
    enableMemPattern: keepArena,
    logSeverityLevel: 3,
    extra: {
      session: {
        model_external_initializers_file_folder_path: graph.weightsFolder,
        disable_prepacking: "1",
        intra_op: { allow_spinning: "0" },
      },
      optimization: { disable_specified_optimizers: COPYING_OPTIMIZERS.join(";") },
    },
  }).catch((cause: unknown) => {
    throw toFarmError("model_invalid", `Cannot open session: component is ${graph.component}`, cause);
  });
  return {
    run: async (inputs) => runSession(session, graph.component, inputs),
    release: () => session.release(),
  };
}

async function runSession(
  session: InferenceSession,
  component: string,
  inputs: Readonly<Record<string, InputTensor>>,
): Promise<Record<string, OutputTensor>> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, input] of Object.entries(inputs)) {
    feeds[name] =
      input.dtype === "float32"
        ? new Tensor("float32", input.data, input.dims)
        : new Tensor("int64", input.data, input.dims);
  }
  const results = await session.run(feeds).catch((cause: unknown) => {
    throw toFarmError("internal", `Cannot run session: component is ${component}`, cause);
  });
  const outputs: Record<string, OutputTensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    if (!(tensor.data instanceof Float32Array))
      throw new TypeError(`Cannot read output: ${name} is ${tensor.type}`);
    outputs[name] = { dims: tensor.dims, data: tensor.data };
  }
  return outputs;
}
