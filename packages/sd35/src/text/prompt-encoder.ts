import { invariant } from "@latentfarm/contract";
import type { LoadedComponent } from "../model-folder/model-folder.js";
import {
  type PromptField,
  type PromptTokenizers,
  type TokenizedPrompt,
  tokenizePrompt,
} from "../tokenizers/tokenize-prompt.js";
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

/** What of a model the encoder needs: an opened model folder has all of it. */
export interface PromptModel {
  readonly tokenizers: PromptTokenizers;
  readonly clipL?: LoadedComponent<ClipConfig>;
  readonly clipG?: LoadedComponent<ClipConfig>;
  readonly t5?: LoadedComponent<T5Config>;
  readonly contextWidth: number;
  readonly pooledWidth: number;
}

/** From a prompt to what the denoiser is given. Holds the token tables' files open. */
export interface PromptEncoder extends Disposable {
  /**
   * @throws {FarmError} invalid_request, naming `field`, for a prompt with too many tokens
   */
  tokenize(text: string, field?: PromptField): TokenizedPrompt;
  /** Runs each text encoder once. */
  encode(tokens: TokenizedPrompt): Promise<Conditioning>;
}

/**
 * Opens the token tables of a model's text encoders.
 * @throws {FarmError} file_invalid, file_unreadable
 */
export function createPromptEncoder(model: PromptModel, run: RunTextEncoder): PromptEncoder {
  const { tokenizers, clipL, clipG, t5 } = model;
  const tables: TokenEmbedding[] = [];
  const open = <Config>(component: LoadedComponent<Config> | undefined, key: (config: Config) => string) => {
    if (component === undefined) return undefined;
    const table = openTokenEmbedding(component.source, key(component.config));
    tables.push(table);
    return { config: component.config, table };
  };
  const partL = open(clipL, clipTableKey);
  const partG = open(clipG, clipTableKey);
  const partT5 = open(t5, t5TableKey);
  const shape = {
    contextWidth: model.contextWidth,
    pooledWidth: model.pooledWidth,
    clipLength: tokenizers.clipLength,
  };
  return {
    tokenize: (text, field) => tokenizePrompt(tokenizers, text, field),
    encode: async (tokens) => {
      const eos = { clip_l: tokenizers.clipL?.eos, clip_g: tokenizers.clipG?.eos };
      const encodedL = partL && (await encodeClip(run, partL, { chunks: tokens.clipL, eos: eos.clip_l }));
      const encodedG = partG && (await encodeClip(run, partG, { chunks: tokens.clipG, eos: eos.clip_g }));
      const encodedT5 = partT5 && (await encodeT5(run, partT5.table, tokens.t5));
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

/** Runs all chunks of a prompt as one batch; SD3 takes CLIP-L's pooled vector as it is and CLIP-G's projected. */
async function encodeClip(
  run: RunTextEncoder,
  { config, table }: { config: ClipConfig; table: TokenEmbedding },
  { chunks, eos }: { chunks: readonly (readonly number[])[]; eos: number | undefined },
): Promise<ClipEncoding> {
  const [first] = chunks;
  invariant(first !== undefined && eos !== undefined, `a prompt for ${config.kind} has a chunk`);
  const ends = chunks.map((chunk) => BigInt(chunk.indexOf(eos)));
  const outputs = await run(config.kind, {
    embeddings: {
      dtype: "float32",
      dims: [chunks.length, first.length, config.hidden],
      data: table.rows(chunks.flat()),
    },
    end_index: { dtype: "int64", dims: [chunks.length], data: BigInt64Array.from(ends) },
  });
  const { name, width } =
    config.kind === "clip_l"
      ? { name: "pooled_unprojected", width: config.hidden }
      : { name: "pooled_projected", width: config.projectionWidth };
  return {
    hidden: dataOf(outputs, "hidden_penultimate"),
    width: config.hidden,
    pooled: dataOf(outputs, name).slice(0, width),
  };
}

async function encodeT5(
  run: RunTextEncoder,
  table: TokenEmbedding,
  tokens: readonly number[],
): Promise<T5Encoding> {
  const count = tokens.length;
  const outputs = await run("t5xxl", {
    embeddings: { dtype: "float32", dims: [1, count, table.hidden], data: table.rows(tokens) },
    position_buckets: { dtype: "int64", dims: [count, count], data: t5PositionBuckets(count) },
  });
  return { hidden: dataOf(outputs, "hidden"), width: table.hidden };
}

function dataOf(
  outputs: Readonly<Record<string, { readonly data: Float32Array }>>,
  name: string,
): Float32Array {
  const output = outputs[name];
  invariant(output !== undefined, `a text encoder gives ${name}`);
  return output.data;
}
