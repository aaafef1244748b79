import { createSession, type Runtime } from "@latentfarm/engine";
import { roundFloat16, serializeModel, unfuseFloat8 } from "@latentfarm/onnx";
import type { ComponentGraph } from "@latentfarm/sd35";

/**
 * CUDA's graph with the fused FP8 product written as its definition in ordinary operators, so that the CPU can run it,
 * and each result rounded to float16. A graph in float32 stays as it is.
 */
export function takeApart(component: ComponentGraph): ComponentGraph {
  const graph = roundFloat16(unfuseFloat8(component.graph));
  return { ...component, graph, model: serializeModel(graph) };
}

/** Runs the graphs for CUDA on the CPU. */
export const CUDA_ON_CPU: Runtime = {
  plan: "cuda_sm89",
  target: "cuda",
  checkFit: () => undefined,
  open: (graph, options) => createSession(takeApart(graph), options),
};
