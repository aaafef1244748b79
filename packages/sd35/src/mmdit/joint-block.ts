import type { Value } from "@latentfarm/onnx";
import { linear } from "../weights/linear.js";
import type { Weights } from "../weights/weights.js";
import { attend, type Projections, projectQkv } from "./attention.js";
import type { MmditConfig } from "./config.js";
import {
  addGated,
  BLOCK_MODULATION,
  DUAL_BLOCK_MODULATION,
  layerNorm,
  type Modulation,
  modulate,
  NORM_MODULATION,
  shiftAndScale,
} from "./modulation.js";

/** The two token streams of the model: `float32 [batch, tokens, hidden]` each. */
export interface Streams {
  /** Text. */
  readonly context: Value;
  /** Picture. */
  readonly x: Value;
}

/** What {@link jointBlock} needs to know besides its weights and streams. */
export interface JointBlockOptions {
  readonly config: MmditConfig;
  readonly index: number;
  /** SiLU of timestep and pooled text: `float32 [batch, 1, hidden]`. */
  readonly condition: Value;
  /** Number of text tokens: `int64 [1]`. */
  readonly contextTokens: Value;
  /** 1 or 0 for each row, `float32 [batch, 1, 1]`: 0 leaves the block out for it. */
  readonly keep?: Value;
}

/** A stream on its way through a block: what it gives to attention, and how it goes on with the answer. */
interface Half {
  readonly projections: Projections;
  finish(attended: Value): Value;
}

/** End of a Slice that runs to the end of its axis: the largest int64 that a number holds exactly. */
const SLICE_TO_END = Number.MAX_SAFE_INTEGER;

/**
 * One joint block: both streams attend to both, text first. The last block's text stream ends here, so it gives keys
 * and values only and the block returns the text as it came.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `block_mixing`.
 */
export function jointBlock(weights: Weights, streams: Streams, options: JointBlockOptions): Streams {
  const { config, index, contextTokens } = options;
  const last = index === config.depth - 1;
  const contextWeights = weights.in("context_block");
  const context = last
    ? endingHalf(contextWeights, streams.context, options)
    : blockHalf(contextWeights, streams.context, options);
  const x = config.dualAttentionBlocks.has(index)
    ? dualHalf(weights.in("x_block"), streams.x, options)
    : blockHalf(weights.in("x_block"), streams.x, options);
  const attended = attend(
    weights,
    joinProjections(weights, context.projections, x.projections),
    config.heads,
  );
  const { graph } = weights;
  const axis = graph.constant("int64", [1], [1]);
  const slice = (start: Value, end: Value) => graph.node("Slice", [attended, start, end, axis]);
  return {
    context: last ? streams.context : context.finish(slice(graph.constant("int64", [1], [0]), contextTokens)),
    x: x.finish(slice(contextTokens, graph.constant("int64", [1], [SLICE_TO_END]))),
  };
}

/** Text before picture on the token axis: `float32 [batch, contextTokens + tokens, hidden]` each. */
function joinProjections(weights: Weights, context: Projections, x: Projections): Projections {
  const join = (name: keyof Projections) =>
    weights.graph.node("Concat", [context[name], x[name]], { axis: 1 });
  return { query: join("query"), key: join("key"), value: join("value") };
}

function blockHalf(weights: Weights, x: Value, { config, condition, keep }: JointBlockOptions): Half {
  const { hidden } = config;
  const by = modulate(weights, condition, { names: BLOCK_MODULATION, hidden, ...(keep && { keep }) });
  const normed = layerNorm(weights, x, hidden);
  const input = shiftAndScale(weights, normed, { shift: by("shiftAttention"), scale: by("scaleAttention") });
  return {
    projections: projectQkv(weights.in("attn"), input, config),
    finish: (attended) => {
      const change = linear(weights.in("attn").in("proj"), attended, [hidden, hidden]);
      return mlpHalf(weights, addGated(weights, x, { gate: by("gateAttention"), change }), { by, hidden });
    },
  };
}

/** As {@link blockHalf}, with a second attention of the picture to itself alone, from the same norm. */
function dualHalf(weights: Weights, x: Value, { config, condition, keep }: JointBlockOptions): Half {
  const { hidden } = config;
  const by = modulate(weights, condition, { names: DUAL_BLOCK_MODULATION, hidden, ...(keep && { keep }) });
  const normed = layerNorm(weights, x, hidden);
  const input = shiftAndScale(weights, normed, { shift: by("shiftAttention"), scale: by("scaleAttention") });
  const input2 = shiftAndScale(weights, normed, {
    shift: by("shiftAttention2"),
    scale: by("scaleAttention2"),
  });
  const attn2 = weights.in("attn2");
  return {
    projections: projectQkv(weights.in("attn"), input, config),
    finish: (attended) => {
      const change = linear(weights.in("attn").in("proj"), attended, [hidden, hidden]);
      const attended2 = attend(attn2, projectQkv(attn2, input2, config), config.heads);
      const change2 = linear(attn2.in("proj"), attended2, [hidden, hidden]);
      const once = addGated(weights, x, { gate: by("gateAttention"), change });
      const twice = addGated(weights, once, { gate: by("gateAttention2"), change: change2 });
      return mlpHalf(weights, twice, { by, hidden });
    },
  };
}

/** The text half of the last block: there is nothing after attention. */
function endingHalf(weights: Weights, x: Value, { config, condition }: JointBlockOptions): Half {
  const { hidden } = config;
  const by = modulate(weights, condition, { names: NORM_MODULATION, hidden });
  const normed = layerNorm(weights, x, hidden);
  const input = shiftAndScale(weights, normed, { shift: by("shiftAttention"), scale: by("scaleAttention") });
  return { projections: projectQkv(weights.in("attn"), input, config), finish: (attended) => attended };
}

function mlpHalf(
  weights: Weights,
  x: Value,
  options: { by: Modulation<"shiftMlp" | "scaleMlp" | "gateMlp">; hidden: number },
): Value {
  const { by, hidden } = options;
  const mlp = weights.in("mlp");
  const [inner = 0] = mlp.in("fc1").shape("weight");
  const normed = layerNorm(weights, x, hidden);
  const input = shiftAndScale(weights, normed, { shift: by("shiftMlp"), scale: by("scaleMlp") });
  const wide = linear(mlp.in("fc1"), input, [inner, hidden]); // [batch, tokens, 4 * hidden]
  const active = mlp.graph.node("Gelu", [wide], { approximate: "tanh" });
  const change = linear(mlp.in("fc2"), active, [hidden, inner]); // [batch, tokens, hidden]
  return addGated(weights, x, { gate: by("gateMlp"), change });
}
