import { type FarmError, fieldsError } from "@latentfarm/contract";
import { type ChunkFrame, chunkTokens, type TokenGroup, type WeightedTokens } from "./chunk-tokens.js";
import { parsePromptWeights, type WeightedText } from "./prompt-weights.js";
import type { TextTokenizer } from "./text-tokenizer.js";

/** Positions of a CLIP chunk in every published model. Source: openai/CLIP, `context_length`. */
export const CLIP_LENGTH_DEFAULT = 77;

/** Tokens to which a shorter T5 sequence is padded. Source: ComfyUI, `comfy/text_encoders/sd3_clip.py`, `min_length`. */
export const T5_LENGTH_MIN_DEFAULT = 77;

/**
 * Tokens of one prompt for one encoder, without start, end and padding. ComfyUI has no cap; here T5's attention, 64
 * heads of float32 [tokens, tokens], takes 1 GiB at this length. It is some 8,000 letters of English.
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

interface Prompt {
  /** Runs of one weight; each is tokenized by itself. */
  readonly runs: readonly WeightedText[];
  readonly field: PromptField;
}

/**
 * Turns a prompt into token ids as ComfyUI does: weights such as `(word:1.3)` are taken off, CLIP fills as many chunks
 * as it needs (both encoders the same number), T5 has its own length.
 * @throws {FarmError} invalid_request, naming `field`, when it is longer than {@link PROMPT_TOKENS_MAX} or its weights
 * pass their caps
 */
export function tokenizePrompt(
  tokenizers: PromptTokenizers,
  text: string,
  field: PromptField = "prompt",
): TokenizedPrompt {
  const { clipL, clipG, t5, clipLength, t5LengthMin } = tokenizers;
  const prompt: Prompt = { runs: parsePromptWeights(text, field), field };
  const framed = (tokenizer: TextTokenizer | undefined) =>
    tokenizer ? chunkTokens(encodeRuns(tokenizer, prompt), frameOf(tokenizer, clipLength)) : [];
  const chunksL = framed(clipL);
  const chunksG = framed(clipG);
  const chunkCount = Math.max(chunksL.length, chunksG.length);
  const size = { chunkCount, length: clipLength };
  const paddedL = padChunks(chunksL, clipL, size);
  const paddedG = padChunks(chunksG, clipG, size);
  const tokensT5 = t5 ? t5Tokens(t5, prompt, t5LengthMin) : { ids: [], weights: [] };
  const weighted = [...paddedL, ...paddedG, tokensT5].some(({ weights }) => weights.some((w) => w !== 1));
  const weights = { clipL: weightsOf(paddedL), clipG: weightsOf(paddedG), t5: tokensT5.weights };
  return {
    clipL: paddedL.map(({ ids }) => ids),
    clipG: paddedG.map(({ ids }) => ids),
    t5: tokensT5.ids,
    ...(weighted && { weights }),
    notes: chunkCount > 1 ? [`${field} fills ${chunkCount} CLIP chunks of ${clipLength} tokens`] : [],
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

function t5Tokens(tokenizer: TextTokenizer, prompt: Prompt, lengthMin: number): WeightedTokens {
  const groups = encodeRuns(tokenizer, prompt);
  const ids = [...groups.flatMap((group) => group.ids), tokenizer.eos];
  const weights = groups.flatMap((group) => group.ids.map(() => group.weight));
  while (ids.length < lengthMin) ids.push(tokenizer.pad);
  return { ids, weights: [...weights, ...Array<number>(ids.length - weights.length).fill(1)] };
}

function encodeRuns(tokenizer: TextTokenizer, { runs, field }: Prompt): TokenGroup[] {
  const groups = runs.map(({ text, weight }) => ({ ids: tokenizer.encode(text), weight }));
  const tokens = groups.reduce((sum, { ids }) => sum + ids.length, 0);
  if (tokens > PROMPT_TOKENS_MAX) throw tooLong(field, tokens);
  return groups;
}

function tooLong(field: PromptField, tokens: number): FarmError {
  const message = `is ${tokens} tokens long, at most ${PROMPT_TOKENS_MAX} (PROMPT_TOKENS_MAX)`;
  return fieldsError("the job", [{ path: field, message }]);
}
