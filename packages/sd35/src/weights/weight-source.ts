import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { SafetensorsFile, type SafetensorsHeader } from "@latentfarm/safetensors";
import { type Quantization, readQuantization } from "./quantization.js";

/** One checkpoint file that graphs take weights from. Plain data: the file itself is closed again. */
export interface WeightSource {
  /** The name under which the file was opened, for messages. */
  readonly name: string;
  /** The folder of the file itself, all links resolved: onnxruntime refuses links that leave it. */
  readonly folder: string;
  /** The file's base name within {@link folder}. */
  readonly location: string;
  readonly header: SafetensorsHeader;
  readonly quantization: Quantization;
  /** Keys that some graph has taken; grows while graphs are built. See `unusedTensors()`. */
  readonly usedTensors: Set<string>;
}

/**
 * Opens a checkpoint file as a source of weights: its header and the scales of its FP8 weights.
 * @throws {FarmError} file_invalid or file_unreadable for the file, model_invalid for its quantization
 */
export function openWeightSource(path: string): WeightSource {
  using file = SafetensorsFile.open(path);
  const realPath = realpathSync(path);
  const name = basename(path);
  return {
    name,
    folder: dirname(realPath),
    location: basename(realPath),
    header: file.header,
    quantization: readQuantization(file, name),
    usedTensors: new Set(),
  };
}
