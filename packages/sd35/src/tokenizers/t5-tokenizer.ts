import { join } from "node:path";
import { createTextTokenizer, type TextTokenizer } from "./text-tokenizer.js";
import {
  checkCount,
  checkId,
  invalidTokenizer,
  isObject,
  type JsonObject,
  readTokenizerJson,
  specialToken,
} from "./tokenizer-file.js";

/** Regular expressions that T5 tokenizer files use. No other is run: a hostile one could take exponential time. */
const KNOWN_PATTERNS: ReadonlySet<string> = new Set([" {2,}", "\\s+"]);

/** Steps of text preparation that T5 tokenizer files use. */
const KNOWN_STEPS: ReadonlySet<string> = new Set([
  "Sequence",
  "Precompiled",
  "NFC",
  "NFKC",
  "Replace",
  "Strip",
  "Lowercase",
  "WhitespaceSplit",
  "Metaspace",
]);

/** Levels of `Sequence` within `Sequence`; files in use have one. */
const STEP_DEPTH_MAX = 4;

/** Ids of T5's `<pad>` and `</s>`. Source: google/t5-v1_1-xxl, `spiece.model`; every T5 file keeps them. */
const T5_PAD = 0;
const T5_EOS = 1;

/**
 * Opens the T5 tokenizer of a folder: `tokenizer.json` with a Unigram model.
 * @throws {FarmError} model_invalid
 */
export function openT5Tokenizer(folder: string): TextTokenizer {
  const path = join(folder, "tokenizer.json");
  const json = readTokenizerJson(folder, "tokenizer.json");
  if (json === undefined) throw invalidTokenizer(folder, "tokenizer.json is missing");
  const { model } = json;
  if (!isObject(model) || model.type !== "Unigram") {
    throw invalidTokenizer(path, "model is not Unigram, as T5's is");
  }
  const pieces = checkPieces(model.vocab, path);
  const unknown = checkId(model.unk_id, path);
  if (unknown >= pieces.length)
    throw invalidTokenizer(path, `unk_id is ${unknown} of ${pieces.length} pieces`);
  checkSteps(json.normalizer, path);
  checkSteps(json.pre_tokenizer, path);
  const added = checkAddedTokens(json.added_tokens, path);
  const config = readTokenizerJson(folder, "tokenizer_config.json") ?? {};
  const idOf = (field: string, standard: number) => pieceId(pieces, specialToken(config, field)) ?? standard;
  const idMax = Math.max(pieces.length - 1, ...added.map(({ id }) => id));
  return createTextTokenizer({
    path,
    tokenizer: {
      added_tokens: added,
      normalizer: json.normalizer ?? null,
      pre_tokenizer: json.pre_tokenizer ?? null,
      model,
      post_processor: null,
      decoder: null,
    },
    config: { eos_token: pieces[T5_EOS] },
    specials: { eos: idOf("eos_token", T5_EOS), pad: idOf("pad_token", T5_PAD) },
    idMax,
  });
}

function pieceId(pieces: readonly string[], piece: string | undefined): number | undefined {
  const id = piece === undefined ? -1 : pieces.indexOf(piece);
  return id === -1 ? undefined : id;
}

function checkPieces(value: unknown, path: string): string[] {
  if (!Array.isArray(value)) throw invalidTokenizer(path, "vocabulary is no list of piece and score");
  checkCount(value.length, "vocabulary", path);
  return value.map((entry: unknown, index) => {
    const [piece, score] = Array.isArray(entry) ? entry : [];
    if (typeof piece !== "string" || piece === "" || !Number.isFinite(score)) {
      throw invalidTokenizer(path, `vocabulary entry ${index} is no pair of piece and score`);
    }
    return piece;
  });
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
}

/** ~100 sentinel tokens stand beside T5's pieces; a list as long as a vocabulary is not one. */
const ADDED_TOKENS_MAX = 10_000;

function checkAddedTokens(value: unknown, path: string): readonly AddedToken[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > ADDED_TOKENS_MAX) {
    throw invalidTokenizer(path, `added_tokens is no list of at most ${ADDED_TOKENS_MAX}`);
  }
  return value.map((token: unknown, index) => {
    if (!isObject(token) || typeof token.content !== "string" || token.content === "") {
      throw invalidTokenizer(path, `added token ${index} is without content`);
    }
    return { ...token, id: checkId(token.id, path), content: token.content };
  });
}

function checkSteps(step: unknown, path: string, depth = 0): void {
  if (step === undefined || step === null) return;
  if (!isObject(step) || typeof step.type !== "string" || !KNOWN_STEPS.has(step.type)) {
    throw invalidTokenizer(path, `step is ${stepName(step)}, expected one of ${[...KNOWN_STEPS].join(", ")}`);
  }
  checkPattern(step, path);
  for (const children of [step.normalizers, step.pretokenizers]) {
    if (children === undefined) continue;
    if (!Array.isArray(children) || depth >= STEP_DEPTH_MAX) {
      throw invalidTokenizer(path, "Sequence is no list of steps, or nested too deep");
    }
    for (const child of children) checkSteps(child, path, depth + 1);
  }
}

function stepName(step: unknown): string {
  return isObject(step) && typeof step.type === "string"
    ? JSON.stringify(step.type.slice(0, 40))
    : "no object";
}

function checkPattern(step: JsonObject, path: string): void {
  if (step.type !== "Replace") return;
  const { pattern } = step;
  const known =
    isObject(pattern) &&
    (typeof pattern.String === "string" ||
      (typeof pattern.Regex === "string" && KNOWN_PATTERNS.has(pattern.Regex)));
  if (!known || typeof step.content !== "string") {
    throw invalidTokenizer(path, `pattern of Replace is not one of ${[...KNOWN_PATTERNS].join(", ")}`);
  }
}
