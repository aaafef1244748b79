import type { SafetensorsHeader } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
import { identifyFile } from "../model-folder/identify-file.js";
import type { WeightSource } from "../weights/weight-source.js";

/** One half of the VAE, as its file's names and shapes tell it. */
export interface VaeConfig {
  /** Key prefix of the half: "first_stage_model.decoder." or "decoder.", and so for the encoder. */
  readonly prefix: string;
  /** Residual blocks of each resolution, finest first. */
  readonly blocksPerLevel: readonly number[];
}

/** The halves of the VAE, by the names of their keys. */
export type VaeHalf = "decoder" | "encoder";

/** Channels of the latent that goes in and comes out. */
export const VAE_LATENT_CHANNELS = 16;

/** Resolutions of the network: each but the first halves the picture, which makes a latent cell of 8x8 pixels. */
export const VAE_LEVELS = 4;

/** Groups of every group norm, which divide each channel count. Source: Stability-AI/sd3.5 `sd3_impls.py`. */
export const NORM_GROUPS = 32;

const AS = "an SD3 VAE";
const PREFIXES = ["first_stage_model.", "vae.", ""] as const;
const LEVEL_NAMES = { decoder: "up", encoder: "down" } as const;

/** Where a half of the VAE starts in a file; undefined when the file holds none. */
export function findVaePrefix(header: SafetensorsHeader, half: VaeHalf): string | undefined {
  const firstBlock = `${half}.${LEVEL_NAMES[half]}.0.block.0.conv1.weight`;
  const prefix = PREFIXES.find((start) => header.tensors.has(start + firstBlock));
  return prefix === undefined ? undefined : `${prefix}${half}.`;
}

/**
 * Derives the layout of one half from the file's header.
 * @throws {FarmError} model_invalid when the file holds no such half, or not that of SD3
 */
export function detectVae(source: WeightSource, half: VaeHalf): VaeConfig {
  const prefix = findVaePrefix(source.header, half);
  const fault = (reason: string) => invalidModel({ file: source.name, as: AS, reason });
  if (prefix === undefined) {
    const expected = `expected keys like first_stage_model.${half}.${LEVEL_NAMES[half]}.0.block.0.conv1.weight`;
    throw fault(`file is ${identifyFile(source.header)}, ${expected}`);
  }
  const blocksPerLevel = countBlocks(source.header, `${prefix}${LEVEL_NAMES[half]}.`);
  if (blocksPerLevel.length !== VAE_LEVELS) {
    throw fault(`number of levels in ${prefix} is ${blocksPerLevel.length}, expected ${VAE_LEVELS}`);
  }
  checkLatentChannels(source, prefix, half);
  return { prefix, blocksPerLevel };
}

/** The VAEs of SD1.x and SDXL share SD3's names; their latent has 4 channels. */
function checkLatentChannels(source: WeightSource, prefix: string, half: VaeHalf): void {
  const key = half === "decoder" ? `${prefix}conv_in.weight` : `${prefix}conv_out.weight`;
  const shape = source.header.tensors.get(key)?.shape ?? [];
  const channels = half === "decoder" ? shape[1] : (shape[0] ?? 0) / 2;
  if (channels === VAE_LATENT_CHANNELS) return;
  const reason = `shape of ${key} is [${shape}], which makes a latent of ${channels ?? 0} channels, expected ${VAE_LATENT_CHANNELS}`;
  throw invalidModel({ file: source.name, as: AS, reason, details: { tensor: key } });
}

function countBlocks(header: SafetensorsHeader, prefix: string): number[] {
  const counts: number[] = [];
  const has = (level: number, block: number) =>
    header.tensors.has(`${prefix}${level}.block.${block}.conv1.weight`);
  while (has(counts.length, 0)) {
    let blocks = 1;
    while (has(counts.length, blocks)) blocks++;
    counts.push(blocks);
  }
  return counts;
}
