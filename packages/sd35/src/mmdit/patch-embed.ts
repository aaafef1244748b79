import type { GraphBuilder, Value } from "@latentfarm/onnx";
import { decodeFloat32 } from "@latentfarm/safetensors";
import { isFloat8 } from "../weights/quantization.js";
import type { Weights } from "../weights/weights.js";
import { LATENT_CHANNELS, type MmditConfig, PATCH_SIZE } from "./config.js";

/** TensorProto.DataType values that Cast targets. Source: onnx.proto. */
const ONNX_FLOAT = 1;
const ONNX_INT32 = 6;

/** Number of values that one byte can take. */
const BYTE_VALUES = 256;

/** The patch grid of a latent, computed at run time: `int64 [1]` each. */
export interface PatchGrid {
  readonly rows: Value;
  readonly columns: Value;
}

/** The patch grid of `latent [batch, 16, height, width]`. */
export function patchGrid(graph: GraphBuilder, latent: Value): PatchGrid {
  const patch = graph.constant("int64", [1], [PATCH_SIZE]);
  const length = (axis: number) => {
    const cells = graph.node("Shape", [latent], { start: axis, end: axis + 1 });
    return graph.node("Div", [cells, patch]);
  };
  return { rows: length(2), columns: length(3) };
}

/**
 * Patches of 2x2 latent cells as tokens, with the middle of the position table added: latent
 * `float32 [batch, 16, height, width]` -> `float32 [batch, rows * columns, hidden]`.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `PatchEmbed` and `cropped_pos_embed`.
 */
export function embedPatches(weights: Weights, latent: Value, grid: PatchGrid, config: MmditConfig): Value {
  const { graph } = weights;
  const { hidden } = config;
  const proj = weights.in("x_embedder").in("proj");
  const kernel = proj.tensor("weight", [hidden, LATENT_CHANNELS, PATCH_SIZE, PATCH_SIZE]);
  const maps = graph.node("Conv", [latent, kernel, proj.tensor("bias", [hidden])], {
    kernel_shape: [PATCH_SIZE, PATCH_SIZE],
    strides: [PATCH_SIZE, PATCH_SIZE],
  }); // [batch, hidden, rows, columns]
  const flat = graph.node("Reshape", [maps, graph.constant("int64", [3], [0, hidden, -1])]);
  const tokens = graph.node("Transpose", [flat], { perm: [0, 2, 1] }); // [batch, rows * columns, hidden]
  return graph.node("Add", [tokens, cropPositions(weights, grid, config)]);
}

/**
 * The middle of the position table: `float32 [1, rows * columns, hidden]`. Cropped first and decoded after: the table
 * of SD3.5 Medium is 900 MB as float32.
 */
function cropPositions(weights: Weights, grid: PatchGrid, config: MmditConfig): Value {
  const { graph } = weights;
  const { hidden, positionGrid } = config;
  const two = graph.constant("int64", [1], [2]);
  const side = graph.constant("int64", [1], [positionGrid]);
  const start = (length: Value) => graph.node("Div", [graph.node("Sub", [side, length]), two]);
  const starts = [start(grid.rows), start(grid.columns)] as const;
  const ends = [
    graph.node("Add", [starts[0], grid.rows]),
    graph.node("Add", [starts[1], grid.columns]),
  ] as const;
  const crop = (table: Value) =>
    graph.node("Slice", [
      table,
      graph.node("Concat", starts, { axis: 0 }),
      graph.node("Concat", ends, { axis: 0 }),
      graph.constant("int64", [2], [0, 1]),
    ]); // [rows, columns, hidden]
  const positions = cropDecoded(weights, crop, [positionGrid, positionGrid, hidden]);
  return graph.node("Reshape", [positions, graph.constant("int64", [3], [1, -1, hidden])]);
}

/** Slices the stored table and decodes what is left. FP8 cannot be sliced in ONNX, so its bytes look up their values. */
function cropDecoded(weights: Weights, crop: (table: Value) => Value, shape: readonly number[]): Value {
  const { graph } = weights;
  const dtype = weights.dtype("pos_embed");
  if (!isFloat8(dtype)) {
    const cropped = crop(weights.stored("pos_embed", { shape }));
    return dtype === "F32" ? cropped : graph.node("Cast", [cropped], { to: ONNX_FLOAT });
  }
  const values = decodeFloat32(
    dtype,
    Uint8Array.from({ length: BYTE_VALUES }, (_, code) => code),
  );
  const stored = weights.stored("pos_embed", { shape, dtype: "uint8" });
  const codes = graph.node("Cast", [crop(stored)], { to: ONNX_INT32 });
  return graph.node("Gather", [graph.constant("float32", [BYTE_VALUES], [...values]), codes]);
}

/**
 * Tokens back to a picture: `float32 [batch, rows * columns, 2 * 2 * 16]` -> `float32 [batch, 16, height, width]`.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `MMDiTX.unpatchify`.
 */
export function unpatchify(graph: GraphBuilder, tokens: Value, grid: PatchGrid): Value {
  const ints = (...values: number[]) => graph.constant("int64", [values.length], values);
  const split = graph.node(
    "Concat",
    [ints(0), grid.rows, ints(-1, PATCH_SIZE, PATCH_SIZE, LATENT_CHANNELS)],
    {
      axis: 0,
    },
  );
  const patches = graph.node("Reshape", [tokens, split]); // [batch, rows, columns, p, q, channels]
  const ordered = graph.node("Transpose", [patches], { perm: [0, 5, 1, 3, 2, 4] }); // [batch, channels, rows, p, columns, q]
  const height = graph.node("Mul", [grid.rows, ints(PATCH_SIZE)]);
  const joined = graph.node("Concat", [ints(0, LATENT_CHANNELS), height, ints(-1)], { axis: 0 });
  return graph.node("Reshape", [ordered, joined]); // [batch, 16, height, width]
}
