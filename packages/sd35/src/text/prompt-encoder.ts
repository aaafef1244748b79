import { invariant } from "@latentfarm/contract";
import type { LoadedComponent } from "../model-folder/model-folder.js";
import type { TextTokenizer } from "../tokenizers/text-tokenizer.js";
import {
  emptyClipChunk,
  emptyT5Tokens,
  type PromptField,
  type PromptTokenizers,
  type TokenizedPrompt,
  tokenizePrompt,
} from "../tokenizers/tokenize-prompt.js";
import { applyTokenWeights } from "./apply-token-weights.js";
import type { ClipConfig } from "./clip-config.js";
import {
  assembleConditioning,
  type ClipEncoding,
  type Conditioning,
  type T5Encoding,
} from "./conditioning.js";
import type { T5Config } from "./t5-config.js";
import { t5PositionBuckets } from "./t5-position-buckets.js";
import { openTokenEmbedding, type TokenEmbedding } from "./token-embedding.js";

/** A tensor for a text encoder's session. */
export type TextInput =
  | { readonly dtype: "float32"; readonly dims: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: "int64"; readonly dims: readonly number[]; readonly data: BigInt64Array };

/** Runs a text encoder's graph once; the engine gives it, as this package knows no runtime. */
export type RunTextEncoder = (
  component: "clip_l" | "clip_g" | "t5xxl",
  inputs: Readonly<Record<string, TextInput>>,
) => Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;

/**
 * Chunks that a CLIP encoder is given at once. Most prompts have fewer; one of 2,048 tokens has 28, and all of them in
 * one run would hold up whoever waits for the device seven times as long.
 */
export const CLIP_CHUNKS_PER_RUN = 4;

/** A part of encoding a prompt: one run of an encoder, or putting together what all of them gave. */
export type TextPart = "clip_l" | "clip_g" | "t5xxl" | "conditioning";

/** Encoding in parts: before each part its name is given, and nothing runs until the next value is asked for. */
export type TextParts<Result> = AsyncGenerator<TextPart, Result, void>;

/** What of a model the encoder needs: an opened model folder has all of it. */
export interface PromptModel {
  readonly tokenizers: PromptTokenizers;
  readonly clipL?: LoadedComponent<ClipConfig>;
  readonly clipG?: LoadedComponent<ClipConfig>;
  readonly t5?: LoadedComponent<T5Config>;
  readonly contextWidth: number;
  readonly pooledWidth: number;
}

interface EncoderPart<Config> {
  readonly config: Config;
  readonly table: TokenEmbedding;
  readonly tokenizer: TextTokenizer;
}

/** From a prompt to what the denoiser is given. Holds the token tables' files open. */
export interface PromptEncoder extends Disposable {
  /**
   * @throws {FarmError} invalid_request, naming `field`, for a prompt with too many tokens
   */
  tokenize(text: string, field?: PromptField): TokenizedPrompt;
  /**
   * Encodes in parts, between which the caller may do other things. A CLIP encoder runs once for each
   * {@link CLIP_CHUNKS_PER_RUN} chunks, T5 once for all of its tokens, as they attend to each other; with weights each
   * encoder runs once more, for the empty prompt that they lead away from.
   */
  encode(tokens: TokenizedPrompt): TextParts<Conditioning>;
}

/**
 * Opens the token tables of a model's text encoders.
 * @throws {FarmError} file_invalid, file_unreadable
 */
export function createPromptEncoder(model: PromptModel, run: RunTextEncoder): PromptEncoder {
  const { tokenizers, clipL, clipG, t5 } = model;
  const tables: TokenEmbedding[] = [];
  const open = <Config>(
    component: LoadedComponent<Config> | undefined,
    tokenizer: TextTokenizer | undefined,
    key: (config: Config) => string,
  ): EncoderPart<Config> | undefined => {
    if (component === undefined) return undefined;
    invariant(tokenizer !== undefined, "a model has a tokenizer for each text encoder");
    const table = openTokenEmbedding(component.source, key(component.config));
    tables.push(table);
    return { config: component.config, table, tokenizer };
  };
  const partL = open(clipL, tokenizers.clipL, clipTableKey);
  const partG = open(clipG, tokenizers.clipG, clipTableKey);
  const partT5 = open(t5, tokenizers.t5, t5TableKey);
  const shape = {
    contextWidth: model.contextWidth,
    pooledWidth: model.pooledWidth,
    clipLength: tokenizers.clipLength,
  };
  return {
    tokenize: (text, field) => tokenizePrompt(tokenizers, text, field),
    async *encode(tokens) {
      const { weights } = tokens;
      const encodedL =
        partL && (yield* encodeClip(run, partL, { chunks: tokens.clipL, weights: weights?.clipL }));
      const encodedG =
        partG && (yield* encodeClip(run, partG, { chunks: tokens.clipG, weights: weights?.clipG }));
      const encodedT5 = partT5 && (yield* encodeT5(run, partT5, { ids: tokens.t5, weights: weights?.t5 }));
      yield "conditioning";
      return assembleConditioning(
        {
          ...(encodedL && { clipL: encodedL }),
          ...(encodedG && { clipG: encodedG }),
          ...(encodedT5 && { t5: encodedT5 }),
        },
        shape,
      );
    },
    [Symbol.dispose]: () => {
      for (const table of tables) table[Symbol.dispose]();
    },
  };
}

/** Key of a CLIP encoder's token table. */
export function clipTableKey({ prefix }: ClipConfig): string {
  return `${prefix}text_model.embeddings.token_embedding.weight`;
}

/** Key of the T5 encoder's token table. */
export function t5TableKey({ prefix, embedding }: T5Config): string {
  return prefix + embedding;
}

/** SD3 takes CLIP-L's pooled vector as it is and CLIP-G's projected, that of the first chunk, and weighs neither. */
async function* encodeClip(
  run: RunTextEncoder,
  part: EncoderPart<ClipConfig>,
  prompt: {
    readonly chunks: readonly (readonly number[])[];
    readonly weights: readonly (readonly number[])[] | undefined;
  },
): TextParts<ClipEncoding> {
  const { config, tokenizer } = part;
  const { chunks, weights } = prompt;
  const length = chunks[0]?.length;
  invariant(length !== undefined, `a prompt for ${config.kind} has a chunk`);
  const width = config.hidden;
  const hidden = new Float32Array(chunks.length * length * width);
  let pooled: Float32Array | undefined;
  for (let begin = 0; begin < chunks.length; begin += CLIP_CHUNKS_PER_RUN) {
    yield config.kind;
    const encoded = await runClip(run, part, chunks.slice(begin, begin + CLIP_CHUNKS_PER_RUN));
    hidden.set(encoded.hidden, begin * length * width);
    pooled ??= encoded.pooled;
  }
  invariant(pooled !== undefined, `a prompt for ${config.kind} has a pooled vector`);
  if (weights === undefined) return { hidden, width, pooled };
  yield config.kind;
  const empty = await runClip(run, part, [emptyClipChunk(tokenizer, length)]);
  return { hidden: applyTokenWeights(hidden, empty.hidden, weights.flat()), width, pooled };
}

/** Runs some chunks of equal length as one batch; of the pooled vectors it gives the first chunk's. */
async function runClip(
  run: RunTextEncoder,
  { config, table, tokenizer }: EncoderPart<ClipConfig>,
  chunks: readonly (readonly number[])[],
): Promise<{ readonly hidden: Float32Array; readonly pooled: Float32Array }> {
  const ids = chunks.flat();
  const ends = chunks.map((chunk) => BigInt(chunk.indexOf(tokenizer.eos)));
  const outputs = await run(config.kind, {
    embeddings: {
      dtype: "float32",
      dims: [chunks.length, ids.length / chunks.length, config.hidden],
      data: table.rows(ids),
    },
    end_index: { dtype: "int64", dims: [chunks.length], data: BigInt64Array.from(ends) },
  });
  const { name, width } =
    config.kind === "clip_l"
      ? { name: "pooled_unprojected", width: config.hidden }
      : { name: "pooled_projected", width: config.projectionWidth };
  return { hidden: dataOf(outputs, "hidden_penultimate"), pooled: dataOf(outputs, name).slice(0, width) };
}

async function* encodeT5(
  run: RunTextEncoder,
  { table, tokenizer }: EncoderPart<T5Config>,
  { ids, weights }: { readonly ids: readonly number[]; readonly weights: readonly number[] | undefined },
): TextParts<T5Encoding> {
  const count = ids.length;
  const positionBuckets = t5PositionBuckets(count);
  const hiddenOf = async (tokens: readonly number[]) => {
    const outputs = await run("t5xxl", {
      embeddings: { dtype: "float32", dims: [1, count, table.hidden], data: table.rows(tokens) },
      position_buckets: { dtype: "int64", dims: [count, count], data: positionBuckets },
    });
    return dataOf(outputs, "hidden");
  };
  yield "t5xxl";
  const hidden = await hiddenOf(ids);
  if (weights === undefined) return { hidden, width: table.hidden };
  // One after the other: both in one batch would double the attention's memory at the longest prompts.
  yield "t5xxl";
  const empty = await hiddenOf(emptyT5Tokens(tokenizer, count));
  return { hidden: applyTokenWeights(hidden, empty, weights), width: table.hidden };
}

function dataOf(
  outputs: Readonly<Record<string, { readonly data: Float32Array }>>,
  name: string,
): Float32Array {
  const output = outputs[name];
  invariant(output !== undefined, `a text encoder gives ${name}`);
  return output.data;
}
