import { invariant } from "@latentfarm/contract";
import { float, type Value } from "@latentfarm/onnx";
import { linear } from "../weights/linear.js";
import type { Weights } from "../weights/weights.js";
import { splitLast } from "./attention.js";

/** Added to the variance before the root. Source: Stability-AI/sd3.5 `mmditx.py`, `nn.LayerNorm(…, eps=1e-6)`. */
const LAYER_NORM_EPSILON = 1e-6;

/** Names of the parts of an adaLN vector, in the order in which its linear layer gives them. */
type ModulationName =
  | "shiftAttention"
  | "scaleAttention"
  | "gateAttention"
  | "shiftMlp"
  | "scaleMlp"
  | "gateMlp"
  | "shiftAttention2"
  | "scaleAttention2"
  | "gateAttention2";

/** A block: attention and MLP. Source: Stability-AI/sd3.5 `mmditx.py`, `DismantledBlock.pre_attention`. */
export const BLOCK_MODULATION = [
  "shiftAttention",
  "scaleAttention",
  "gateAttention",
  "shiftMlp",
  "scaleMlp",
  "gateMlp",
] as const satisfies readonly ModulationName[];

/** A block with a second attention. Source: the same, `pre_attention_x`. */
export const DUAL_BLOCK_MODULATION = [
  ...BLOCK_MODULATION,
  "shiftAttention2",
  "scaleAttention2",
  "gateAttention2",
] as const satisfies readonly ModulationName[];

/** A norm that only feeds something: the last context block, and the final layer. */
export const NORM_MODULATION = [
  "shiftAttention",
  "scaleAttention",
] as const satisfies readonly ModulationName[];

/** The adaLN vectors of a block by name: `float32 [batch, 1, hidden]` each. */
export type Modulation<Name extends ModulationName> = (name: Name) => Value;

/**
 * The adaLN vectors of a block for the condition `float32 [batch, 1, hidden]`, which is already through SiLU. With
 * `keep`, `float32 [batch, 1, 1]`, the gates are scaled by it: all that a block adds to a stream goes through a gate, so
 * at 0 the stream leaves the block as it came, and at 1 nothing is changed.
 */
export function modulate<Name extends ModulationName>(
  weights: Weights,
  condition: Value,
  options: { readonly names: readonly Name[]; readonly hidden: number; readonly keep?: Value },
): Modulation<Name> {
  const { names, hidden, keep } = options;
  const layer = weights.in("adaLN_modulation").in(1);
  const joined = linear(layer, condition, [names.length * hidden, hidden]); // [batch, 1, names * hidden]
  const parts = splitLast(layer, joined, names.length);
  return (name) => {
    const part = parts[names.indexOf(name)];
    invariant(part !== undefined, `${name} is a part of the modulation`);
    return keep && name.startsWith("gate") ? weights.graph.node("Mul", [part, keep]) : part;
  };
}

/** LayerNorm without weights of its own: `float32 [batch, tokens, hidden]`, shape kept. */
export function layerNorm(weights: Weights, x: Value, hidden: number): Value {
  const ones = weights.constant([hidden], new Array<number>(hidden).fill(1));
  return weights.graph.node("LayerNormalization", [x, ones], {
    axis: -1,
    epsilon: float(LAYER_NORM_EPSILON),
  });
}

/** normed * (1 + scale) + shift; scale and shift are `float32 [batch, 1, hidden]`. */
export function shiftAndScale(weights: Weights, normed: Value, by: { shift: Value; scale: Value }): Value {
  const { graph } = weights;
  const factor = graph.node("Add", [by.scale, weights.constant([], [1])]);
  return graph.node("Add", [graph.node("Mul", [normed, factor]), by.shift]);
}

/** x + gate * change; gate is `float32 [batch, 1, hidden]`. */
export function addGated(weights: Weights, x: Value, by: { gate: Value; change: Value }): Value {
  const { graph } = weights;
  return graph.node("Add", [x, graph.node("Mul", [by.gate, by.change])]);
}
