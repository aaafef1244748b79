import type { Value } from "@latentfarm/onnx";
import { silu } from "../weights/activations.js";
import { linear } from "../weights/linear.js";
import type { Weights } from "../weights/weights.js";

/** Width of the sinusoidal timestep embedding. Source: Stability-AI/sd3.5 `mmditx.py`, `TimestepEmbedder`. */
const FREQUENCY_WIDTH = 256;

/** Longest period of the embedding, in timesteps. Source: the same. */
const MAX_PERIOD = 10_000;

/**
 * The timestep as a vector: timestep `float32 [batch]` (1000 * sigma) -> `float32 [batch, hidden]`. Cosines, then
 * sines, of the timestep times 128 geometric frequencies, through an MLP.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `TimestepEmbedder`.
 */
export function embedTimestep(weights: Weights, timestep: Value, hidden: number): Value {
  const { graph } = weights;
  const half = FREQUENCY_WIDTH / 2;
  const frequencies = Array.from({ length: half }, (_, i) =>
    Math.fround(Math.exp(Math.fround(-Math.log(MAX_PERIOD) * i) / half)),
  );
  const column = graph.node("Unsqueeze", [timestep, graph.constant("int64", [1], [1])]); // [batch, 1]
  const angles = graph.node("Mul", [column, graph.constant("float32", [1, half], frequencies)]); // [batch, 128]
  const waves = [graph.node("Cos", [angles]), graph.node("Sin", [angles])];
  return embedVector(weights, graph.node("Concat", waves, { axis: -1 }), { inputs: FREQUENCY_WIDTH, hidden });
}

/** Linear, SiLU, linear: x `float32 [batch, inputs]` -> `float32 [batch, hidden]`. */
export function embedVector(
  weights: Weights,
  x: Value,
  { inputs, hidden }: { readonly inputs: number; readonly hidden: number },
): Value {
  const mlp = weights.in("mlp");
  const inner = linear(mlp.in(0), x, [hidden, inputs]);
  return linear(mlp.in(2), silu(weights.graph, inner), [hidden, hidden]);
}
