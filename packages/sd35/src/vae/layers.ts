import { float, type Value } from "@latentfarm/onnx";
import { silu } from "../weights/activations.js";
import type { Weights } from "../weights/weights.js";
import { NORM_GROUPS } from "./config.js";

/** Added to the variance before the root. Source: Stability-AI/sd3.5 `sd3_impls.py`, `Normalize`. */
const NORM_EPSILON = 1e-6;

/** A feature map `float32 [batch, channels, height, width]` with the channels that the weights before it gave it. */
export interface Maps {
  readonly value: Value;
  readonly channels: number;
}

/** How a convolution moves over its input. */
export interface Convolution {
  readonly stride?: number;
  /** Rows and columns of zeros: top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
}

const SAME_3X3: Convolution = { pads: [1, 1, 1, 1] };
const POINTWISE: Convolution = { pads: [0, 0, 0, 0] };

/** A halving convolution pads below and on the right only. Source: `sd3_impls.py`, `Downsample`. */
const HALVING: Convolution = { stride: 2, pads: [0, 0, 1, 1] };

/** A convolution with the weight and bias at this scope; the kernel's size is the weight's. */
export function convolve(weights: Weights, x: Maps, { stride = 1, pads }: Convolution = SAME_3X3): Maps {
  const [channels = 0, , rows = 0, columns = 0] = weights.shape("weight");
  const kernel = weights.tensor("weight", [channels, x.channels, rows, columns]);
  const value = weights.graph.node("Conv", [x.value, kernel, weights.tensor("bias", [channels])], {
    kernel_shape: [rows, columns],
    strides: [stride, stride],
    pads,
  });
  return { value, channels };
}

/**
 * Group norm over 32 groups with a factor and an offset per channel. Written as an instance norm over the groups,
 * which onnxruntime computes in one pass.
 * @throws {FarmError} model_invalid when the channels do not divide into 32 groups
 */
export function groupNorm(weights: Weights, x: Maps): Value {
  const { graph, prefix } = weights;
  if (x.channels % NORM_GROUPS !== 0) {
    throw weights.fault(
      `number of channels at ${prefix}weight is ${x.channels}, expected a multiple of ${NORM_GROUPS}`,
    );
  }
  const flat = (value: number) => weights.constant([NORM_GROUPS], new Array<number>(NORM_GROUPS).fill(value));
  const groups = graph.node("Reshape", [x.value, graph.constant("int64", [3], [0, NORM_GROUPS, -1])]); // [batch, 32, rest]
  const normed = graph.node("InstanceNormalization", [groups, flat(1), flat(0)], {
    epsilon: float(NORM_EPSILON),
  });
  const restored = graph.node("Reshape", [normed, graph.node("Shape", [x.value])]); // [batch, channels, height, width]
  const perChannel = (name: string) =>
    graph.node("Reshape", [
      weights.tensor(name, [x.channels]),
      graph.constant("int64", [4], [1, x.channels, 1, 1]),
    ]);
  return graph.node("Add", [graph.node("Mul", [restored, perChannel("weight")]), perChannel("bias")]);
}

/** Norm, SiLU, convolution, twice, added to the input. Source: `sd3_impls.py`, `ResnetBlock`. */
export function residualBlock(weights: Weights, x: Maps): Maps {
  const { graph } = weights;
  const half = (index: 1 | 2, input: Maps): Maps => {
    const normed = groupNorm(weights.in(`norm${index}`), input);
    return convolve(weights.in(`conv${index}`), { ...input, value: silu(graph, normed) });
  };
  const change = half(2, half(1, x));
  const kept = weights.has("nin_shortcut.weight") ? convolve(weights.in("nin_shortcut"), x, POINTWISE) : x;
  return { value: graph.node("Add", [kept.value, change.value]), channels: change.channels };
}

/** Attention of every cell to every cell, one head, added to the input. Source: `sd3_impls.py`, `AttnBlock`. */
export function attentionBlock(weights: Weights, x: Maps): Maps {
  const { graph } = weights;
  const normed = { ...x, value: groupNorm(weights.in("norm"), x) };
  const cells = (name: string) => {
    const maps = convolve(weights.in(name), normed, POINTWISE);
    const flat = graph.node("Reshape", [maps.value, graph.constant("int64", [3], [0, 0, -1])]); // [batch, channels, cells]
    return graph.node("Transpose", [flat], { perm: [0, 2, 1] }); // [batch, cells, channels]
  };
  const attended = graph.node("com.microsoft:MultiHeadAttention", [cells("q"), cells("k"), cells("v")], {
    num_heads: 1,
  });
  const flat = graph.node("Transpose", [attended], { perm: [0, 2, 1] }); // [batch, channels, cells]
  const maps = graph.node("Reshape", [flat, graph.node("Shape", [x.value])]); // [batch, channels, height, width]
  const change = convolve(weights.in("proj_out"), { ...x, value: maps }, POINTWISE);
  return { ...x, value: graph.node("Add", [x.value, change.value]) };
}

/** The coarsest level's middle: residual block, attention, residual block. */
export function middle(weights: Weights, x: Maps): Maps {
  const first = residualBlock(weights.in("block_1"), x);
  return residualBlock(weights.in("block_2"), attentionBlock(weights.in("attn_1"), first));
}

/** Twice the height and width: each cell repeated, then a convolution. Source: `sd3_impls.py`, `Upsample`. */
export function upsample(weights: Weights, x: Maps): Maps {
  const { graph } = weights;
  const value = graph.node("Resize", [x.value, undefined, graph.constant("float32", [4], [1, 1, 2, 2])], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
  return convolve(weights.in("conv"), { ...x, value });
}

/** Half the height and width. */
export function downsample(weights: Weights, x: Maps): Maps {
  return convolve(weights.in("conv"), x, HALVING);
}

/** The end of either half: norm, SiLU, convolution. */
export function project(weights: Weights, x: Maps): Maps {
  const normed = groupNorm(weights.in("norm_out"), x);
  return convolve(weights.in("conv_out"), { ...x, value: silu(weights.graph, normed) });
}
