import { createHash, type Hash } from "node:crypto";
import { join } from "node:path";
import { SafetensorsFile } from "@latentfarm/safetensors";
import type { WeightSource } from "../weights/weight-source.js";
import type { ModelFolder } from "./model-folder.js";

/**
 * Tensors of each file whose values go into the hash. Two fine-tunes of one model have equal headers and sizes, and
 * differ in nearly every tensor, so that few are enough; all of them would be 15 GB to read.
 */
const SAMPLED_TENSORS_MAX = 64;

/** Bytes that are read of a sampled tensor, from its middle: a page of the page cache. */
const SAMPLE_BYTES = 4_096;

/**
 * Says which weights a model folder holds, whatever the files are called and wherever they lie: hexadecimal SHA-256
 * over the header and size of each file and samples of its values. Two workers with equal hashes draw the same frame.
 * It takes milliseconds, and is no proof against forgery: see `./farm models verify` for that.
 * @throws {FarmError} file_invalid or file_unreadable when a file has changed since the folder was opened
 */
export function hashModelFolder(folder: ModelFolder): string {
  const parts: readonly (readonly [string, WeightSource | undefined])[] = [
    ["mmdit", folder.mmdit.source],
    ["vae", folder.vae],
    ["clip_l", folder.clipL?.source],
    ["clip_g", folder.clipG?.source],
    ["t5xxl", folder.t5?.source],
  ];
  const hash = createHash("sha256");
  for (const [role, source] of parts) {
    hash.update(`${role}\n`);
    if (source !== undefined) addFile(hash, source);
  }
  return hash.digest("hex");
}

function addFile(hash: Hash, { folder, location }: WeightSource): void {
  using file = SafetensorsFile.open(join(folder, location));
  const tensors = [...file.header.tensors.values()].sort((a, b) => a.byteOffset - b.byteOffset);
  hash.update(`${file.header.fileBytes}\n`);
  for (const { name, dtype, shape, byteOffset, byteLength } of tensors) {
    hash.update(`${JSON.stringify([name, dtype, shape, byteOffset, byteLength])}\n`);
  }
  const stride = Math.max(Math.ceil(tensors.length / SAMPLED_TENSORS_MAX), 1);
  for (let index = 0; index < tensors.length; index += stride) {
    const tensor = tensors[index];
    if (tensor === undefined) continue;
    const length = Math.min(tensor.byteLength, SAMPLE_BYTES);
    const begin = Math.floor((tensor.byteLength - length) / 2);
    hash.update(file.readBytes(tensor.name, begin, begin + length));
  }
}
