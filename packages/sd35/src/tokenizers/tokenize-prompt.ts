import { type ChunkFrame, chunkTokens, type TokenGroup, type WeightedTokens } from "./chunk-tokens.js";
import { parsePromptWeights, type WeightedText } from "./prompt-weights.js";
import type { TextTokenizer } from "./text-tokenizer.js";

/** Positions of a CLIP chunk in every published model. Source: openai/CLIP, `context_length`. */
export const CLIP_LENGTH_DEFAULT = 77;

/** Tokens to which a shorter T5 sequence is padded. Source: ComfyUI, `comfy/text_encoders/sd3_clip.py`, `min_length`. */
export const T5_LENGTH_MIN_DEFAULT = 77;

/**
 * Tokens of one prompt for one encoder, without start, end and padding. ComfyUI has no cap; here T5's attention, 64
 * heads of float32 [tokens, tokens], takes 1 GiB at this length. It is some 8,000 letters of English. What is beyond
 * is cut off, and the reader told: a text under the contract's cap may have more, as its tokenizer makes them.
 */
export const PROMPT_TOKENS_MAX = 2048;

/** Which field of a request a text came in, for the error. */
export type PromptField = "prompt" | "negative_prompt";

/** The tokenizers of a model; one that the model has no encoder for is left out. */
export interface PromptTokenizers {
  readonly clipL?: TextTokenizer;
  readonly clipG?: TextTokenizer;
  readonly t5?: TextTokenizer;
  /** Positions of a CLIP chunk. */
  readonly clipLength: number;
  /** Tokens to which a shorter T5 sequence is padded. */
  readonly t5LengthMin: number;
}

/** A prompt as token ids. */
export interface TokenizedPrompt {
  /** Chunks of `clipLength` ids, start, end and padding included; empty without that encoder. */
  readonly clipL: readonly (readonly number[])[];
  readonly clipG: readonly (readonly number[])[];
  /** End token and padding included; empty without that encoder. */
  readonly t5: readonly number[];
  /** The weight of each token, when one of them is not 1. */
  readonly weights?: TokenWeights;
  /** What the reader should know about how the prompt was read, in words. */
  readonly notes: readonly string[];
}

/** Weights in the shape of a {@link TokenizedPrompt}'s token ids; start, end and padding weigh 1. */
export interface TokenWeights {
  readonly clipL: readonly (readonly number[])[];
  readonly clipG: readonly (readonly number[])[];
  readonly t5: readonly number[];
}

interface EncodedRuns {
  /** At most {@link PROMPT_TOKENS_MAX} tokens. */
  readonly groups: readonly TokenGroup[];
  /** Tokens before the cut. */
  readonly tokens: number;
}

/**
 * Turns a prompt into token ids as ComfyUI does: weights such as `(word:1.3)` are taken off, CLIP fills as many chunks
 * as it needs (both encoders the same number), T5 has its own length. Tokens past {@link PROMPT_TOKENS_MAX} are cut off.
 * @throws {FarmError} invalid_request, naming `field`, when its weights pass their caps
 */
export function tokenizePrompt(
  tokenizers: PromptTokenizers,
  text: string,
  field: PromptField = "prompt",
): TokenizedPrompt {
  const { clipL, clipG, t5, clipLength, t5LengthMin } = tokenizers;
  const runs = parsePromptWeights(text, field);
  const encodedL = encodeRuns(clipL, runs);
  const encodedG = encodeRuns(clipG, runs);
  const encodedT5 = encodeRuns(t5, runs);
  const framed = (tokenizer: TextTokenizer | undefined, { groups }: EncodedRuns) =>
    tokenizer ? chunkTokens(groups, frameOf(tokenizer, clipLength)) : [];
  const chunksL = framed(clipL, encodedL);
  const chunksG = framed(clipG, encodedG);
  const chunkCount = Math.max(chunksL.length, chunksG.length);
  const size = { chunkCount, length: clipLength };
  const paddedL = padChunks(chunksL, clipL, size);
  const paddedG = padChunks(chunksG, clipG, size);
  const tokensT5 = t5 ? t5Tokens(t5, encodedT5, t5LengthMin) : { ids: [], weights: [] };
  const weighted = [...paddedL, ...paddedG, tokensT5].some(({ weights }) => weights.some((w) => w !== 1));
  const weights = { clipL: weightsOf(paddedL), clipG: weightsOf(paddedG), t5: tokensT5.weights };
  return {
    clipL: paddedL.map(({ ids }) => ids),
    clipG: paddedG.map(({ ids }) => ids),
    t5: tokensT5.ids,
    ...(weighted && { weights }),
    notes: [
      ...(chunkCount > 1 ? [`${field} fills ${chunkCount} CLIP chunks of ${clipLength} tokens`] : []),
      ...cutNotes(field, { "CLIP-L": encodedL, "CLIP-G": encodedG, "T5-XXL": encodedT5 }),
    ],
  };
}

function weightsOf(chunks: readonly WeightedTokens[]): readonly (readonly number[])[] {
  return chunks.map(({ weights }) => weights);
}

function frameOf({ bos, eos, pad }: TextTokenizer, length: number): ChunkFrame {
  if (bos === undefined) throw new TypeError("Cannot frame chunks as CLIP: start token is undefined");
  return { length, bos, eos, pad };
}

/** Both encoders get the same number of chunks; the shorter list is filled with chunks of the empty prompt. */
function padChunks(
  chunks: readonly WeightedTokens[],
  tokenizer: TextTokenizer | undefined,
  { chunkCount, length }: { chunkCount: number; length: number },
): readonly WeightedTokens[] {
  if (tokenizer === undefined) return chunks;
  const empty = () => chunkTokens([], frameOf(tokenizer, length));
  return [...chunks, ...Array.from({ length: chunkCount - chunks.length }, empty).flat()];
}

/** The empty prompt in one CLIP chunk, which weights lead away from. */
export function emptyClipChunk(tokenizer: TextTokenizer, length: number): readonly number[] {
  return chunkTokens([], frameOf(tokenizer, length)).flatMap(({ ids }) => ids);
}

/** The empty prompt for T5, at the length of the prompt whose weights lead away from it. */
export function emptyT5Tokens({ eos, pad }: TextTokenizer, length: number): readonly number[] {
  return [eos, ...Array<number>(length - 1).fill(pad)];
}

function t5Tokens(tokenizer: TextTokenizer, { groups }: EncodedRuns, lengthMin: number): WeightedTokens {
  const ids = [...groups.flatMap((group) => group.ids), tokenizer.eos];
  const weights = groups.flatMap((group) => group.ids.map(() => group.weight));
  while (ids.length < lengthMin) ids.push(tokenizer.pad);
  return { ids, weights: [...weights, ...Array<number>(ids.length - weights.length).fill(1)] };
}

/** Each run of one weight is tokenized by itself. */
function encodeRuns(tokenizer: TextTokenizer | undefined, runs: readonly WeightedText[]): EncodedRuns {
  const groups: TokenGroup[] = [];
  let tokens = 0;
  if (tokenizer === undefined) return { groups, tokens };
  for (const { text, weight } of runs) {
    const ids = tokenizer.encode(text);
    groups.push({ ids: ids.slice(0, Math.max(0, PROMPT_TOKENS_MAX - tokens)), weight });
    tokens += ids.length;
  }
  return { groups, tokens };
}

function cutNotes(field: PromptField, encoders: Readonly<Record<string, EncodedRuns>>): readonly string[] {
  return Object.entries(encoders).flatMap(([name, { tokens }]) =>
    tokens > PROMPT_TOKENS_MAX
      ? [`${field} is cut to ${PROMPT_TOKENS_MAX} of its ${tokens} tokens for ${name} (PROMPT_TOKENS_MAX)`]
      : [],
  );
}
