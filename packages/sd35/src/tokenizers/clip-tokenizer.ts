import { join } from "node:path";
import { createTextTokenizer, type TextTokenizer } from "./text-tokenizer.js";
import {
  checkCount,
  checkVocabulary,
  invalidTokenizer,
  isObject,
  type JsonObject,
  readTokenizerJson,
  readTokenizerText,
  specialToken,
} from "./tokenizer-file.js";

/** Which CLIP encoder the tokens are for: the two differ in padding alone. */
export type ClipKind = "clip_l" | "clip_g";

/**
 * Words of a text, as CLIP splits it: contractions, runs of letters, single digits, runs of other signs.
 * Source: openai/CLIP, `clip/simple_tokenizer.py`.
 */
const CLIP_WORDS = "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+";

/** Marks the last piece of a word. Source: openai/CLIP, `clip/simple_tokenizer.py`. */
const END_OF_WORD = "</w>";

/** SD3 fills CLIP-G's chunks with id 0, whatever its tokenizer config names. Source: ComfyUI, `comfy/sdxl_clip.py`. */
const CLIP_G_PAD = 0;

interface BpeFiles {
  readonly path: string;
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
}

/**
 * Opens the CLIP tokenizer of a folder: `tokenizer.json`, or `vocab.json` and `merges.txt`.
 *
 * Of tokenizer.json only vocabulary and merges are taken: normalisation and word splitting are CLIP's own, so that no
 * regular expression of the file is ever run. The config's padding token is no special token: CLIP-G's is "!", which
 * prompts hold as plain text.
 * @throws {FarmError} model_invalid
 */
export function openClipTokenizer(folder: string, kind: ClipKind): TextTokenizer {
  const files = readTokenizerFile(folder) ?? readSlowFiles(folder);
  if (files === undefined) {
    throw invalidTokenizer(folder, "content is neither tokenizer.json nor vocab.json with merges.txt");
  }
  const config = readTokenizerJson(folder, "tokenizer_config.json") ?? {};
  const bosToken = specialToken(config, "bos_token") ?? "<|startoftext|>";
  const eosToken = specialToken(config, "eos_token") ?? "<|endoftext|>";
  const bos = idOf(files, bosToken);
  const eos = idOf(files, eosToken);
  return createTextTokenizer({
    path: files.path,
    tokenizer: clipTokenizerJson(files, { bosToken, eosToken }),
    config: {},
    specials: { bos, eos, pad: kind === "clip_l" ? eos : CLIP_G_PAD },
    idMax: largest(files.vocabulary.values()),
  });
}

function largest(values: Iterable<number>): number {
  let max = 0;
  for (const value of values) max = Math.max(max, value);
  return max;
}

function idOf(files: BpeFiles, token: string): number {
  const id = files.vocabulary.get(token);
  if (id === undefined)
    throw invalidTokenizer(files.path, `special token ${JSON.stringify(token)} is missing`);
  return id;
}

function clipTokenizerJson(
  files: BpeFiles,
  { bosToken, eosToken }: { bosToken: string; eosToken: string },
): JsonObject {
  const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    added_tokens: [bosToken, eosToken].map((content) => ({ id: idOf(files, content), content, ...special })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "NFC" },
        { type: "Replace", pattern: { Regex: "\\s+" }, content: " " },
        { type: "Lowercase" },
      ],
    },
    pre_tokenizer: {
      type: "Sequence",
      pretokenizers: [
        { type: "Split", pattern: { Regex: CLIP_WORDS }, behavior: "Removed", invert: true },
        { type: "ByteLevel", add_prefix_space: false, trim_offsets: true },
      ],
    },
    model: {
      type: "BPE",
      unk_token: eosToken,
      continuing_subword_prefix: "",
      end_of_word_suffix: END_OF_WORD,
      fuse_unk: false,
      vocab: Object.fromEntries(files.vocabulary),
      merges: files.merges,
    },
    post_processor: null,
    decoder: null,
  };
}

function readTokenizerFile(folder: string): BpeFiles | undefined {
  const json = readTokenizerJson(folder, "tokenizer.json");
  if (json === undefined) return undefined;
  const path = join(folder, "tokenizer.json");
  const { model } = json;
  if (!isObject(model) || (model.type !== undefined && model.type !== "BPE")) {
    throw invalidTokenizer(path, "model is not BPE, as CLIP's is");
  }
  if (!Array.isArray(model.merges)) throw invalidTokenizer(path, "merges is no list");
  const vocabulary = new Map(checkVocabulary(model.vocab, path));
  return { path, vocabulary, merges: checkMerges(model.merges, path) };
}

function readSlowFiles(folder: string): BpeFiles | undefined {
  const vocab = readTokenizerJson(folder, "vocab.json");
  const merges = readTokenizerText(folder, "merges.txt");
  if (vocab === undefined || merges === undefined) return undefined;
  const lines = merges.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("#version"));
  return {
    path: join(folder, "vocab.json"),
    vocabulary: checkVocabulary(vocab, join(folder, "vocab.json")),
    merges: checkMerges(lines, join(folder, "merges.txt")),
  };
}

/** A merge is a pair of pieces: `["t", "he</w>"]`, or `"t he</w>"` in the older form. */
function checkMerges(lines: readonly unknown[], path: string): (readonly [string, string])[] {
  checkCount(lines.length, "merge list", path);
  return lines.map((line, index) => {
    const [left, right, ...rest] = Array.isArray(line) ? line : String(line).split(" ");
    if (typeof left !== "string" || typeof right !== "string" || rest.length > 0) {
      throw invalidTokenizer(path, `merge ${index} is no pair of pieces`);
    }
    return [left, right];
  });
}
