import { join } from "node:path";
import { isFloatDtype, SafetensorsFile } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
import type { WeightSource } from "../weights/weight-source.js";

/** A token table that stays in its file: rows are decoded as they are asked for. Holds a file descriptor. */
export interface TokenEmbedding extends Disposable {
  readonly hidden: number;
  /** Ids below this are rows. */
  readonly vocabulary: number;
  /**
   * The rows of the given tokens, laid end to end: ``float32 [ids.length, hidden]``.
   * @throws {RangeError} for an id outside the table
   */
  rows(ids: readonly number[]): Float32Array;
}

/**
 * Opens the token table of a text encoder. A NaN of the file becomes 0, as ComfyUI reads FP8 embeddings; FP8 with a
 * scale of its own is scaled.
 * @throws {FarmError} file_invalid, file_unreadable
 */
export function openTokenEmbedding(source: WeightSource, key: string): TokenEmbedding {
  const file = SafetensorsFile.open(join(source.folder, source.location));
  const [vocabulary = 0, hidden = 0] = file.tensor(key).shape;
  const scale = source.quantization.scales.get(key.replace(/\.weight$/, "")) ?? 1;
  return {
    hidden,
    vocabulary,
    rows: (ids) => {
      const values = file.readRows(key, ids);
      for (let i = 0; i < values.length; i += 1) {
        const value = values[i]!;
        values[i] = Number.isNaN(value) ? 0 : value * scale;
      }
      return values;
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/**
 * Checks that a tensor can be a token table.
 * @throws {FarmError} model_invalid when it is missing, no matrix or no floats
 */
export function checkTokenTable(source: WeightSource, key: string, as: string): void {
  const info = source.header.tensors.get(key);
  const fault = (reason: string) => invalidModel({ file: source.name, as, reason, details: { tensor: key } });
  if (info === undefined) throw fault(`tensor ${key} is missing, expected the token table`);
  if (info.shape.length !== 2) throw fault(`shape of ${key} is [${info.shape}], expected a matrix`);
  if (!isFloatDtype(info.dtype)) throw fault(`dtype of ${key} is ${info.dtype}, expected a float`);
}
