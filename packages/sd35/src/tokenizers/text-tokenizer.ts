import { Tokenizer } from "@huggingface/tokenizers";
import { FarmError } from "@latentfarm/contract";
import { invalidTokenizer, type JsonObject } from "./tokenizer-file.js";

/** A text encoder's tokenizer with the ids that frame and fill a sequence. */
export interface TextTokenizer {
  /** Token ids of a text, without start, end and padding. */
  encode(text: string): readonly number[];
  /** Id of the start token; T5 has none. */
  readonly bos?: number;
  readonly eos: number;
  readonly pad: number;
  /** The largest id that {@link encode} can give: the embedding table must have more rows. */
  readonly idMax: number;
}

/** What a tokenizer library needs: the content of tokenizer.json, checked. */
export interface TokenizerSpec {
  /** The file that a fault is reported against. */
  readonly path: string;
  readonly tokenizer: JsonObject;
  readonly config: JsonObject;
  readonly specials: { readonly bos?: number; readonly eos: number; readonly pad: number };
  readonly idMax: number;
}

/**
 * Makes a tokenizer out of a checked specification.
 * @throws {FarmError} model_invalid when the library refuses it
 */
export function createTextTokenizer(spec: TokenizerSpec): TextTokenizer {
  const tokenizer = loadTokenizer(spec);
  return {
    ...spec.specials,
    idMax: spec.idMax,
    encode: (text) => {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      for (const id of ids) {
        // A byte that the vocabulary lacks, in a tokenizer without unknown token, has no id.
        if (!Number.isInteger(id) || id > spec.idMax) {
          throw new FarmError("model_invalid", `Cannot tokenize with ${spec.path}: token id is ${id}`);
        }
      }
      return ids;
    },
  };
}

function loadTokenizer(spec: TokenizerSpec): Tokenizer {
  try {
    return new Tokenizer(spec.tokenizer, spec.config);
  } catch (cause) {
    throw invalidTokenizer(spec.path, "content is refused by the tokenizer library", cause);
  }
}
