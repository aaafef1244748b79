import { serializeModel } from "@latentfarm/onnx";
import { type ComponentGraph, lookUpFloat8 } from "@latentfarm/sd35";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { CPU_PLAN } from "./device/precision-plan.js";
import { toFarmError } from "./onnxruntime-error.js";
import { type SessionOptions, sessionOptions } from "./session-options.js";
import { canFoldWeights } from "./weight-folding.js";

/** A tensor that goes into a session: dims in row-major order. */
export type InputTensor =
  | { readonly dtype: "float32"; readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "int64"; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** A float32 tensor that comes out of a session. */
export interface OutputTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** A resident component: its weights stay mapped, or folded, until {@link Session.release}. */
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
 * Opens a component; see {@link sessionOptions} for how. Weights are folded where nothing else is asked for, the
 * component runs at each step (it keeps its arena) and they are small; on the CPU, large FP8 weights that stay mapped
 * are decoded by table, see {@link lookUpFloat8}.
 * @throws {FarmError} model_invalid when onnxruntime refuses the graph or its weights
 */
export function createSession(graph: ComponentGraph, options: SessionOptions = {}): Promise<Session> {
  const { plan = CPU_PLAN, keepArena = true } = options;
  const foldWeights =
    options.foldWeights ?? (plan.kind === "cpu" && keepArena && canFoldWeights(graph.graph));
  const byTable = plan.kind === "cpu" && !foldWeights;
  const model = byTable ? serializeModel(lookUpFloat8(graph.graph)) : graph.model;
  return openSession(
    { component: graph.component, model },
    sessionOptions(graph.weightsFolder, { ...options, foldWeights }),
  );
}

/**
 * Opens a component with onnxruntime's own options, for benchmarks that compare them.
 * @throws {FarmError} model_invalid when onnxruntime refuses the graph or its weights
 */
export async function openSession(
  graph: Pick<ComponentGraph, "component" | "model">,
  options: InferenceSession.SessionOptions,
): Promise<Session> {
  const session = await InferenceSession.create(graph.model, options).catch((cause: unknown) => {
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
