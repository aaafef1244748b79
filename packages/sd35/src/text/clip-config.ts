import type { SafetensorsHeader } from "@latentfarm/safetensors";
import { invalidModel } from "../model-error.js";
import { identifyFile } from "../model-folder/identify-file.js";
import type { ClipKind } from "../tokenizers/clip-tokenizer.js";
import type { WeightSource } from "../weights/weight-source.js";
import { checkTokenTable } from "./token-embedding.js";

/** Width of one attention head in every CLIP text encoder. Source: openai/CLIP, `transformer_heads = width // 64`. */
const HEAD_WIDTH = 64;

/** Layers and widths of the published encoders, by which one in the other's place is recognised. */
const CLIP_L_HIDDEN = 768;
const CLIP_G_HIDDEN = 1280;

/** What a CLIP text encoder is, as derived from its tensors. */
export interface ClipConfig {
  readonly kind: ClipKind;
  /** Where the encoder starts in the file: keys go on with "text_model.". */
  readonly prefix: string;
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Rows of the position table: the longest chunk. */
  readonly positions: number;
  /** Rows of the embedding table: token ids are below it. */
  readonly vocabulary: number;
  /** The projection of the pooled vector: a linear weight, the same transposed, or none (then it is the identity). */
  readonly projection: "text_projection.weight" | "text_projection" | undefined;
  /** Width of the projected pooled vector. */
  readonly projectionWidth: number;
}

const TITLES = { clip_l: "a CLIP-L text encoder", clip_g: "a CLIP-G text encoder" } as const;

/** How messages call an encoder of this kind, with its article. */
export function clipTitle(kind: ClipKind): string {
  return TITLES[kind];
}

/**
 * Derives what a CLIP text encoder is.
 * @throws {FarmError} model_invalid, saying what was expected and what the file holds
 */
export function detectClip(source: WeightSource, kind: ClipKind, prefix = ""): ClipConfig {
  const { header } = source;
  const fault = (reason: string) => invalidModel({ file: source.name, as: TITLES[kind], reason });
  const at = (name: string) => shapeOf(header, prefix + name);
  const tokens = at("text_model.embeddings.token_embedding.weight");
  const positions = at("text_model.embeddings.position_embedding.weight");
  if (tokens === undefined || positions === undefined || at(layerKey(0)) === undefined) {
    throw fault(`content is ${identifyFile(header)}, expected keys ${prefix}text_model.encoder.layers.*`);
  }
  checkTokenTable(source, `${prefix}text_model.embeddings.token_embedding.weight`, TITLES[kind]);
  const [vocabulary = 0, hidden = 0] = tokens;
  const layers = countLayers((index) => at(layerKey(index)) !== undefined);
  const swapped = kind === "clip_l" ? CLIP_G_HIDDEN : CLIP_L_HIDDEN;
  if (hidden === swapped) {
    throw fault(
      `hidden width is ${hidden} (${kind === "clip_l" ? "CLIP-G" : "CLIP-L"}'s), in the wrong place`,
    );
  }
  if (hidden === 0 || hidden % HEAD_WIDTH !== 0) {
    throw fault(`hidden width is ${hidden}, expected a multiple of ${HEAD_WIDTH}`);
  }
  if (layers < 2) throw fault(`layer count is ${layers}, expected at least 2`); // The state before the last is taken.
  const linear = at("text_projection.weight");
  const transposed = at("text_projection");
  const width = linear?.[0] ?? transposed?.[1] ?? hidden;
  return {
    kind,
    prefix,
    layers,
    hidden,
    heads: hidden / HEAD_WIDTH,
    positions: positions[0] ?? 0,
    vocabulary,
    projection: linear ? "text_projection.weight" : transposed ? "text_projection" : undefined,
    projectionWidth: width,
  };
}

function layerKey(index: number): string {
  return `text_model.encoder.layers.${index}.layer_norm1.weight`;
}

function shapeOf(header: SafetensorsHeader, key: string): readonly number[] | undefined {
  return header.tensors.get(key)?.shape;
}

/** Counts layers from 0 up to the first that is missing. */
export function countLayers(has: (index: number) => boolean): number {
  let count = 0;
  while (has(count)) count += 1;
  return count;
}
