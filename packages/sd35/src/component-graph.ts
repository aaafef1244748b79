import { type Graph, type GraphBuilder, serializeModel } from "@latentfarm/onnx";
import type { WeightSource } from "./weights/weight-source.js";

/** The parts of the pipeline that run as one onnxruntime session each. */
export type ComponentName = "mmdit" | "clip_l" | "clip_g" | "t5xxl" | "vae_decoder" | "vae_encoder";

/** A part of the pipeline, ready for a session: the model bytes and the folder that its external weights lie in. */
export interface ComponentGraph {
  readonly component: ComponentName;
  readonly graph: Graph;
  /** {@link graph} as an ONNX ModelProto; its external initializers name files of {@link weightsFolder}. */
  readonly model: Uint8Array;
  /** The real path (links resolved) of the folder with the weights file: onnxruntime refuses links that leave it. */
  readonly weightsFolder: string;
}

/** Finishes a graph whose weights all come from `source`. */
export function finishComponent(
  component: ComponentName,
  builder: GraphBuilder,
  source: WeightSource,
): ComponentGraph {
  const graph = builder.finish();
  return { component, graph, model: serializeModel(graph), weightsFolder: source.folder };
}
