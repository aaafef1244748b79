import { invalidModel } from "../model-error.js";
import { identifyFile } from "../model-folder/identify-file.js";
import type { WeightSource } from "../weights/weight-source.js";
import { countLayers } from "./clip-config.js";
import { checkTokenTable } from "./token-embedding.js";

/** What a T5 encoder is, as derived from its tensors. */
export interface T5Config {
  /** Where the encoder starts in the file: keys go on with "encoder." and "shared.". */
  readonly prefix: string;
  readonly layers: number;
  /** Width of the hidden state (`d_model`). */
  readonly hidden: number;
  readonly heads: number;
  /** Width of all heads together; not always `hidden`. */
  readonly inner: number;
  /** Width of the gated layer (`d_ff`). */
  readonly gate: number;
  /** Rows of the embedding table: token ids are below it. */
  readonly vocabulary: number;
  /** Key of the embedding table within the prefix; files hold either or both, alike. */
  readonly embedding: "shared.weight" | "encoder.embed_tokens.weight";
  /** Buckets of the relative position bias. */
  readonly buckets: number;
}

/** How messages call the encoder, with its article. */
export const T5_TITLE = "a T5-XXL text encoder";

/** Buckets of every T5. Source: Hugging Face transformers, `T5Config.relative_attention_num_buckets`. */
const BUCKETS = 32;

const BLOCK = "encoder.block";

/**
 * Derives what a T5 encoder is.
 * @throws {FarmError} model_invalid for another kind of file, T5 v1.0 (no gate), umT5 (a position bias per block)
 */
export function detectT5(source: WeightSource, prefix = ""): T5Config {
  const { header } = source;
  const fault = (reason: string) => invalidModel({ file: source.name, as: T5_TITLE, reason });
  const at = (name: string) => header.tensors.get(prefix + name)?.shape;
  const block = `${BLOCK}.0.layer`;
  const query = at(`${block}.0.SelfAttention.q.weight`);
  const bias = at(`${block}.0.SelfAttention.relative_attention_bias.weight`);
  if (query === undefined || bias === undefined) {
    throw fault(`content is ${identifyFile(header)}, expected keys ${prefix}${block}.0.SelfAttention.*`);
  }
  if (at(`${BLOCK}.1.layer.0.SelfAttention.relative_attention_bias.weight`) !== undefined) {
    throw fault("content is a umT5 encoder (a position bias in every block), expected T5 v1.1");
  }
  const gate = at(`${block}.1.DenseReluDense.wi_0.weight`);
  if (gate === undefined) {
    throw fault("content is a T5 v1.0 encoder (feed-forward layers without gate), expected T5 v1.1");
  }
  const embedding = at("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";
  checkTokenTable(source, prefix + embedding, T5_TITLE);
  const [vocabulary = 0, width] = at(embedding) ?? [];
  const [buckets = 0, heads = 0] = bias;
  const [inner = 0, hidden = 0] = query;
  if (buckets !== BUCKETS) throw fault(`bucket count is ${buckets}, expected ${BUCKETS}`);
  if (heads === 0 || inner % heads !== 0)
    throw fault(`width of ${heads} heads is ${inner}, no multiple of it`);
  if (width !== hidden) throw fault(`width of ${embedding} is ${width}, expected ${hidden}`);
  return {
    prefix,
    layers: countLayers((index) => at(`${BLOCK}.${index}.layer.0.SelfAttention.q.weight`) !== undefined),
    hidden,
    heads,
    inner,
    gate: gate[0] ?? 0,
    vocabulary,
    embedding,
    buckets,
  };
}
