import type { Value } from "@latentfarm/onnx";
import { silu } from "../weights/activations.js";
import { toCompute } from "../weights/convert.js";
import { linear } from "../weights/linear.js";
import type { Weights } from "../weights/weights.js";

/** Width of the sinusoidal timestep embedding. Source: Stability-AI/sd3.5 `mmditx.py`, `TimestepEmbedder`. */
const FREQUENCY_WIDTH = 256;

/** Longest period of the embedding, in timesteps. Source: the same. */
const MAX_PERIOD = 10_000;

/**
 * The timestep as a vector: timestep `float32 [batch]` (1000 * sigma) -> `[batch, hidden]`. Cosines, then sines, of
 * the timestep times 128 geometric frequencies, through an MLP. The waves are made in float32 always: float16 has
 * steps of 0.5 at 1000, a twelfth of a period of the fastest.
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
  const embedding = toCompute(weights, graph.node("Concat", waves, { axis: -1 })); // [batch, 256]
  return embedVector(weights, embedding, { inputs: FREQUENCY_WIDTH, hidden });
}

/** Linear, SiLU, linear: x `[batch, inputs]` -> `[batch, hidden]`. */
export function embedVector(
  weights: Weights,
  x: Value,
  { inputs, hidden }: { readonly inputs: number; readonly hidden: number },
): Value {
  const mlp = weights.in("mlp");
  const inner = linear(mlp.in(0), x, [hidden, inputs]);
  return linear(mlp.in(2), silu(weights.graph, inner), [hidden, hidden]);
}
