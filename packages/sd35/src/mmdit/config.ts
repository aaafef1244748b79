import type { SafetensorsHeader } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
import { identifyFile } from "../model-folder/identify-file.js";
import type { WeightSource } from "../weights/weight-source.js";

/** The architecture of an MMDiT, derived from the names and shapes in its file. */
export interface MmditConfig {
  /** Key prefix of the diffusion model in its file: "model.diffusion_model." or "". */
  readonly prefix: string;
  readonly architecture: Architecture;
  /** Joint blocks. */
  readonly depth: number;
  /** Width of a token; 64 times the depth in every released model. */
  readonly hidden: number;
  /** Attention heads of {@link HEAD_WIDTH} each. */
  readonly heads: number;
  /** Queries and keys are RMS-normalised per head (SD3.5). */
  readonly qkNorm: boolean;
  /** Blocks whose picture stream has a second attention over itself (SD3.5 Medium). */
  readonly dualAttentionBlocks: ReadonlySet<number>;
  /** Side of the square position table, in patches of 2x2 latent cells: the largest picture is 16 times as wide. */
  readonly positionGrid: number;
  /** Width of a text token as the text encoders give it. */
  readonly contextWidth: number;
  /** Width of the pooled text vector. */
  readonly pooledWidth: number;
  /**
   * True for a graph with the input `keep`, by which rows leave blocks out; see {@link withSkippableBlocks}. Absent in
   * what is read off a file: the graphs of models without skip-layer guidance have one input less.
   */
  readonly skippable?: boolean;
}

/**
 * The configuration to build a model's graph from: blocks of SD3.5 Medium can be left out row by row. ComfyUI's
 * skip-layer guidance and its defaults are made for it; for Large and SD3 Medium no layers are known to us, and their
 * graphs stay as they are.
 */
export function withSkippableBlocks(config: MmditConfig): MmditConfig {
  return config.architecture === "sd3.5-medium" ? { ...config, skippable: true } : config;
}

/** The model families of the MMDiT. Large Turbo is Large. */
export type Architecture = "sd3-medium" | "sd3.5-medium" | "sd3.5-large";

/** Width of one attention head, in every SD3 model. Source: Stability-AI/sd3.5 `mmditx.py`, heads = depth. */
export const HEAD_WIDTH = 64;

/** Channels of an SD3 latent. */
export const LATENT_CHANNELS = 16;

/** Side of a patch, in latent cells. */
export const PATCH_SIZE = 2;

const AS = "an SD3 diffusion model";
const PREFIXES = ["model.diffusion_model.", ""] as const;
const FIRST_BLOCK_KEY = "joint_blocks.0.context_block.attn.qkv.weight";

/** Where the diffusion model starts in a file; undefined when the file holds none. */
export function findMmditPrefix(header: SafetensorsHeader): string | undefined {
  return PREFIXES.find((prefix) => header.tensors.has(prefix + FIRST_BLOCK_KEY));
}

/**
 * Derives the architecture from the file's header.
 * @throws {FarmError} model_invalid when the file holds no SD3 diffusion model, or one whose parts disagree
 */
export function detectMmdit(source: WeightSource): MmditConfig {
  const prefix = findMmditPrefix(source.header);
  if (prefix === undefined) {
    const reason = `file is ${identifyFile(source.header)}, expected the key ${FIRST_BLOCK_KEY}, alone or after "${PREFIXES[0]}"`;
    throw invalidModel({ file: source.name, as: AS, reason });
  }
  const has = (key: string) => source.header.tensors.has(prefix + key);
  const [hidden] = shapeOf(source, `${prefix}x_embedder.proj.weight`, 4);
  const [, contextWidth] = shapeOf(source, `${prefix}context_embedder.weight`, 2);
  const [, pooledWidth] = shapeOf(source, `${prefix}y_embedder.mlp.0.weight`, 2);
  const [, positions] = shapeOf(source, `${prefix}pos_embed`, 3);
  const depth = countBlocks(source, prefix);
  const qkNorm = has("joint_blocks.0.x_block.attn.ln_q.weight");
  const dualAttentionBlocks = new Set(
    indices(depth).filter((i) => has(`joint_blocks.${i}.x_block.attn2.qkv.weight`)),
  );
  const config: MmditConfig = {
    prefix,
    architecture: architectureOf(qkNorm, dualAttentionBlocks.size > 0),
    depth,
    hidden,
    heads: hidden / HEAD_WIDTH,
    qkNorm,
    dualAttentionBlocks,
    positionGrid: Math.sqrt(positions),
    contextWidth,
    pooledWidth,
  };
  checkConfig(config, source);
  return config;
}

function architectureOf(qkNorm: boolean, dualAttention: boolean): Architecture {
  if (dualAttention) return "sd3.5-medium";
  return qkNorm ? "sd3.5-large" : "sd3-medium";
}

function checkConfig(config: MmditConfig, source: WeightSource): void {
  const fault = (reason: string) => invalidModel({ file: source.name, as: AS, reason });
  if (config.hidden === 0 || config.hidden % HEAD_WIDTH !== 0) {
    throw fault(
      `width of ${config.prefix}x_embedder is ${config.hidden}, expected a multiple of ${HEAD_WIDTH}`,
    );
  }
  if (config.depth !== config.heads) {
    throw fault(
      `number of joint_blocks is ${config.depth}, expected ${config.heads} for the width ${config.hidden}`,
    );
  }
  if (!Number.isInteger(config.positionGrid) || config.positionGrid === 0) {
    throw fault(
      `length of ${config.prefix}pos_embed is ${config.positionGrid ** 2}, expected a square number`,
    );
  }
}

function countBlocks(source: WeightSource, prefix: string): number {
  let depth = 0;
  while (source.header.tensors.has(`${prefix}joint_blocks.${depth}.x_block.attn.qkv.weight`)) depth++;
  return depth;
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** The lengths of a tensor's first two axes; every tensor asked for here has at least two. */
function shapeOf(source: WeightSource, key: string, rank: number): readonly [number, number] {
  const shape = source.header.tensors.get(key)?.shape;
  const [first, second] = shape ?? [];
  if (shape?.length === rank && first !== undefined && second !== undefined) return [first, second];
  const found = shape === undefined ? "missing" : `of shape [${shape}]`;
  throw invalidModel({
    file: source.name,
    as: AS,
    reason: `tensor ${key} is ${found}, expected ${rank} dimensions`,
    details: { tensor: key },
  });
}
