import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type TensorPlan, writeSafetensors } from "@latentfarm/safetensors";
import { usageError } from "../failure.js";
import { formatBytes } from "./format-bytes.js";

/** The architectures that can be written; the same as `SYNTH_ARCHITECTURES`, known without loading the model tower. */
export const SYNTH_NAMES = ["sd3-medium", "sd3.5-medium", "sd3.5-large"] as const;

/** What is to be written. */
export interface SynthOptions {
  readonly architecture: string;
  readonly dir: string;
  readonly textEncoders: boolean;
  /** Any text. */
  readonly seed: string;
  log(line: string): void;
}

const TEXT_ENCODERS = ["clip_l", "clip_g", "t5xxl"] as const;

/**
 * Writes a model folder in ComfyUI's layout: true names and shapes, random weights. Streamed tensor by tensor, so
 * that memory does not grow with the file (8 GB for Large, 5 GB more for T5).
 * @throws {FarmError} invalid_request unknown architecture; file_unreadable the disk refuses
 */
export async function writeSynthModel(options: SynthOptions): Promise<void> {
  const { synthFill, synthTensors, synthTextTensors } = await import("@latentfarm/sd35");
  const architecture = SYNTH_NAMES.find((name) => name === options.architecture);
  if (architecture === undefined) {
    throw usageError(`Cannot write a model as ${options.architecture}: known are ${SYNTH_NAMES.join(", ")}`);
  }
  const fill = synthFill({ seed: options.seed });
  const write = async (folder: string, name: string, tensors: readonly TensorPlan[]) => {
    const path = join(options.dir, folder, `${name}.safetensors`);
    await mkdir(join(options.dir, folder), { recursive: true });
    options.log(`writing ${path}`);
    await writeSafetensors(path, tensors, { fill });
    options.log(`wrote ${formatBytes((await stat(path)).size)}, ${tensors.length} tensors`);
  };
  await write("checkpoints", architecture, synthTensors(architecture));
  if (!options.textEncoders) return;
  for (const encoder of TEXT_ENCODERS) await write("text_encoders", encoder, synthTextTensors(encoder));
}
