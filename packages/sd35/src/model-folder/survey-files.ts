import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { openWeightSource, type WeightSource } from "../weights/weight-source.js";

/** The folders that hold weights, as ComfyUI names them. Source: ComfyUI, `folder_paths.py`. */
export const WEIGHT_FOLDERS = [
  "checkpoints",
  "diffusion_models",
  "unet",
  "text_encoders",
  "clip",
  "vae",
] as const;

/** A folder that holds weights. */
export type WeightFolder = (typeof WEIGHT_FOLDERS)[number];

/** Files of weights in one model folder: a whole ComfyUI installation has fewer, and each is opened. */
const WEIGHT_FILES_MAX = 256;

/** One .safetensors file of a model folder. */
export interface WeightFile {
  /** Relative to the model folder, with "/" between its parts. */
  readonly path: string;
  readonly folder: WeightFolder;
  readonly name: string;
  /** 0 when the file cannot be looked at. */
  readonly bytes: number;
  /** The opened file, or why it cannot be used. */
  readonly content: WeightSource | FarmError;
}

/**
 * Opens every .safetensors file of a model folder's weight folders, in the order of their names.
 * @throws {FarmError} model_invalid for more than {@link WEIGHT_FILES_MAX} files
 */
export function surveyFiles(dir: string): readonly WeightFile[] {
  const found = WEIGHT_FOLDERS.flatMap((folder) =>
    fileNames(join(dir, folder)).map((name) => ({ folder, name, path: `${folder}/${name}` })),
  );
  if (found.length > WEIGHT_FILES_MAX) {
    const message = `Cannot open ${dir} as a model: number of .safetensors files is ${found.length}, at most ${WEIGHT_FILES_MAX}`;
    throw new FarmError("model_invalid", message);
  }
  return found.map((file) => ({ ...file, ...openOrError(join(dir, file.path)) }));
}

function fileNames(folder: string): string[] {
  try {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
    return readdirSync(folder)
      .filter((name) => name.endsWith(".safetensors"))
      .toSorted();
  } catch (cause) {
    throw new FarmError("file_unreadable", `Cannot list ${folder} as a folder of weights`, { cause });
  }
}

function openOrError(path: string): Pick<WeightFile, "bytes" | "content"> {
  try {
    const content = openWeightSource(path);
    return { bytes: content.header.fileBytes, content };
  } catch (error) {
    if (error instanceof FarmError) return { bytes: bytesOf(path), content: error };
    throw error;
  }
}

function bytesOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0; // Why it cannot be looked at is in the error of opening it.
  }
}
