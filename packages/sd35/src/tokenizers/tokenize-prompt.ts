import { type FarmError, fieldsError } from "@latentfarm/contract";
import { type ChunkFrame, chunkTokens } from "./chunk-tokens.js";
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
  /** What the reader should know about how the prompt was read, in words. */
  readonly notes: readonly string[];
}

/** `(word:1.3)`: a weight in ComfyUI's notation. */
const WEIGHT = /\([^()]*:\s*-?\d*\.?\d+\s*\)/;

/**
 * Turns a prompt into token ids as ComfyUI does: CLIP in as many chunks as it needs (both encoders the same number),
 * T5 at its own length. Weights such as `(word:1.3)` are read as plain text, and a note says so.
 * @throws {FarmError} invalid_request, naming `field`, when it is longer than {@link PROMPT_TOKENS_MAX}
 */
export function tokenizePrompt(
  tokenizers: PromptTokenizers,
  text: string,
  field: PromptField = "prompt",
): TokenizedPrompt {
  const { clipL, clipG, t5, clipLength, t5LengthMin } = tokenizers;
  const framed = (tokenizer: TextTokenizer | undefined) =>
    tokenizer ? clipChunks(tokenizer, { text, field, length: clipLength }) : [];
  const chunksL = framed(clipL);
  const chunksG = framed(clipG);
  const chunkCount = Math.max(chunksL.length, chunksG.length);
  const notes: string[] = [];
  if (chunkCount > 1) notes.push(`${field} fills ${chunkCount} CLIP chunks of ${clipLength} tokens`);
  if (WEIGHT.test(text)) notes.push(`${field} has weights such as (word:1.3): they are read as plain text`);
  return {
    clipL: padChunks(chunksL, clipL, { chunkCount, length: clipLength }),
    clipG: padChunks(chunksG, clipG, { chunkCount, length: clipLength }),
    t5: t5 ? t5Tokens(t5, { text, field, lengthMin: t5LengthMin }) : [],
    notes,
  };
}

function clipChunks(
  tokenizer: TextTokenizer,
  { text, field, length }: { text: string; field: PromptField; length: number },
): number[][] {
  return chunkTokens([encodeCapped(tokenizer, text, field)], frameOf(tokenizer, length));
}

function frameOf({ bos, eos, pad }: TextTokenizer, length: number): ChunkFrame {
  if (bos === undefined) throw new TypeError("Cannot frame chunks as CLIP: start token is undefined");
  return { length, bos, eos, pad };
}

/** Both encoders get the same number of chunks; the shorter list is filled with chunks of the empty prompt. */
function padChunks(
  chunks: readonly (readonly number[])[],
  tokenizer: TextTokenizer | undefined,
  { chunkCount, length }: { chunkCount: number; length: number },
): readonly (readonly number[])[] {
  if (tokenizer === undefined) return chunks;
  const empty = () => chunkTokens([], frameOf(tokenizer, length));
  return [...chunks, ...Array.from({ length: chunkCount - chunks.length }, empty).flat()];
}

function t5Tokens(
  tokenizer: TextTokenizer,
  { text, field, lengthMin }: { text: string; field: PromptField; lengthMin: number },
): number[] {
  const ids = [...encodeCapped(tokenizer, text, field), tokenizer.eos];
  while (ids.length < lengthMin) ids.push(tokenizer.pad);
  return ids;
}

function encodeCapped(tokenizer: TextTokenizer, text: string, field: PromptField): readonly number[] {
  const ids = tokenizer.encode(text);
  if (ids.length > PROMPT_TOKENS_MAX) throw tooLong(field, ids.length);
  return ids;
}

function tooLong(field: PromptField, tokens: number): FarmError {
  const message = `is ${tokens} tokens long, at most ${PROMPT_TOKENS_MAX} (PROMPT_TOKENS_MAX)`;
  return fieldsError("the job", [{ path: field, message }]);
}
