import { DATA_TYPE_CODES, type GraphBuilder, type Value } from "@latentfarm/onnx";
import { decodeFloat32 } from "@latentfarm/safetensors";
import { toCompute } from "../weights/convert.js";
import { isFloat8 } from "../weights/quantization.js";
import type { Weights } from "../weights/weights.js";
import { LATENT_CHANNELS, type MmditConfig, PATCH_SIZE } from "./config.js";

/** Number of values that one byte can take. */
const BYTE_VALUES = 256;

/** A latent in its two shapes. */
export interface LatentInput {
  /** `float32 [batch, 16, height, width]` */
  readonly latent: Value;
  /** `float32 [batch, 2 * 2 * 16, rows, columns]`, of which only the shape matters. */
  readonly patches: Value;
}

/**
 * Patches of 2x2 latent cells as tokens, with the middle of the position table added: latent
 * `float32 [batch, 16, height, width]` -> `[batch, rows * columns, hidden]`.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `PatchEmbed` and `cropped_pos_embed`.
 */
export function embedPatches(weights: Weights, input: LatentInput, config: MmditConfig): Value {
  const { graph } = weights;
  const { hidden } = config;
  const proj = weights.in("x_embedder").in("proj");
  const kernel = proj.tensor("weight", [hidden, LATENT_CHANNELS, PATCH_SIZE, PATCH_SIZE]);
  const latent = toCompute(weights, input.latent);
  const maps = graph.node("Conv", [latent, kernel, proj.tensor("bias", [hidden])], {
    kernel_shape: [PATCH_SIZE, PATCH_SIZE],
    strides: [PATCH_SIZE, PATCH_SIZE],
  }); // [batch, hidden, rows, columns]
  const flat = graph.node("Reshape", [maps, graph.constant("int64", [3], [0, hidden, -1])]);
  const tokens = graph.node("Transpose", [flat], { perm: [0, 2, 1] }); // [batch, rows * columns, hidden]
  return graph.node("Add", [tokens, cropPositions(weights, input.patches, config)]);
}

/**
 * The middle of the position table: `[1, rows * columns, hidden]`. Cropped first and decoded after: the table of
 * SD3.5 Medium is 900 MB as float32.
 */
function cropPositions(weights: Weights, patches: Value, config: MmditConfig): Value {
  const { graph } = weights;
  const { hidden, positionGrid } = config;
  const rows = middleIndices(graph, graph.node("Shape", [patches], { start: 2, end: 3 }), positionGrid);
  const columns = middleIndices(graph, graph.node("Shape", [patches], { start: 3, end: 4 }), positionGrid);
  const crop = (table: Value) => {
    const middleRows = graph.node("Gather", [table, rows], { axis: 0 }); // [rows, positionGrid, hidden]
    return graph.node("Gather", [middleRows, columns], { axis: 1 }); // [rows, columns, hidden]
  };
  const positions = cropDecoded(weights, crop, [positionGrid, positionGrid, hidden]);
  return graph.node("Reshape", [positions, graph.constant("int64", [3], [1, -1, hidden])]);
}

/**
 * The `length` indices in the middle of an axis of `side`: `int64 [length]`, from floor((side - length) / 2) on. The
 * length is not calculated with: onnxruntime gives nodes that calculate with a shape to the CPU, which a GPU worker
 * forbids, so the last of the indices 0, 1, … stands for it. float32 is exact up to 2^24, the table has hundreds.
 */
function middleIndices(graph: GraphBuilder, length: Value, side: number): Value {
  const all = graph.constant(
    "float32",
    [side],
    Array.from({ length: side }, (_, i) => i),
  );
  const indices = graph.node("Slice", [all, graph.constant("int64", [1], [0]), length]); // 0 … length - 1
  const last = graph.node("ReduceMax", [indices]); // [1]
  const spare = graph.node("Sub", [graph.constant("float32", [1], [side - 1]), last]); // side - length
  const start = graph.node("Floor", [graph.node("Mul", [spare, graph.constant("float32", [], [1 / 2])])]);
  return graph.node("Cast", [graph.node("Add", [indices, start])], { to: DATA_TYPE_CODES.int64 });
}

/** Crops the stored table and decodes what is left. FP8 cannot be gathered in ONNX, so its bytes look up their values. */
function cropDecoded(weights: Weights, crop: (table: Value) => Value, shape: readonly number[]): Value {
  const { graph, compute } = weights;
  const dtype = weights.dtype("pos_embed");
  if (!isFloat8(dtype)) {
    return graph.node("Cast", [crop(weights.stored("pos_embed", { shape }))], {
      to: DATA_TYPE_CODES[compute],
    });
  }
  const values = decodeFloat32(
    dtype,
    Uint8Array.from({ length: BYTE_VALUES }, (_, code) => code),
  );
  const stored = weights.stored("pos_embed", { shape, dtype: "uint8" });
  const codes = graph.node("Cast", [crop(stored)], { to: DATA_TYPE_CODES.int32 });
  return graph.node("Gather", [weights.constant([BYTE_VALUES], [...values]), codes]);
}

/**
 * Tokens back to a picture: `float32 [batch, rows * columns, 2 * 2 * 16]` -> `float32 [batch, 16, height, width]`.
 * `patches` has the shape of the latent's own patches.
 * Source: Stability-AI/sd3.5 `mmditx.py`, `MMDiTX.unpatchify`.
 */
export function unpatchify(graph: GraphBuilder, tokens: Value, patches: Value): Value {
  const flat = graph.node("Transpose", [tokens], { perm: [0, 2, 1] }); // [batch, 2 * 2 * 16, rows * columns]
  const maps = graph.node("Reshape", [flat, graph.node("Shape", [patches])]); // [batch, 2 * 2 * 16, rows, columns]
  return graph.node("DepthToSpace", [maps], { blocksize: PATCH_SIZE, mode: "DCR" }); // [batch, 16, height, width]
}
