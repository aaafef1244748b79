import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";

/** Bytes of one tokenizer file. The largest in use, T5's tokenizer.json, has 2.4 MB; multilingual ones reach 17 MB. */
const TOKENIZER_FILE_BYTES_MAX = 32 * 1024 * 1024;

/** Entries of a vocabulary or a merge list. T5 has 32,100 and CLIP 49,408; the largest multilingual ones 256,000. */
const TOKENIZER_ENTRIES_MAX = 300_000;

/** A JSON object whose fields are yet to be checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** The error for a tokenizer file that breaks a rule; `reason` reads "<field> is <value>". */
export function invalidTokenizer(path: string, reason: string, cause?: unknown): FarmError {
  return new FarmError("model_invalid", `Cannot read ${path} as a tokenizer: ${reason}`, {
    cause,
    details: { path, reason },
  });
}

/**
 * Reads one tokenizer file as text; `undefined` when the folder does not hold it.
 * @throws {FarmError} model_invalid when it is too large, no file, or not UTF-8
 */
export function readTokenizerText(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (!stats.isFile()) throw invalidTokenizer(path, "kind is not a file");
    if (stats.size > TOKENIZER_FILE_BYTES_MAX) {
      throw invalidTokenizer(path, `size is ${stats.size} bytes, at most ${TOKENIZER_FILE_BYTES_MAX}`);
    }
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    if (cause instanceof FarmError) throw cause;
    throw invalidTokenizer(path, "text is not readable UTF-8", cause);
  }
}

/**
 * Reads one tokenizer file as a JSON object; `undefined` when the folder does not hold it.
 * @throws {FarmError} model_invalid
 */
export function readTokenizerJson(folder: string, name: string): JsonObject | undefined {
  const text = readTokenizerText(folder, name);
  if (text === undefined) return undefined;
  const path = join(folder, name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidTokenizer(path, "content is not JSON", cause);
  }
  if (!isObject(value)) throw invalidTokenizer(path, "content is no JSON object");
  return value;
}

/** True for a JSON object (no array, no null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The content of a special token as a config names it: a text, or an object with `content`.
 * `undefined` when the config leaves the field out.
 */
export function specialToken(config: JsonObject, field: string): string | undefined {
  const value = config[field];
  if (typeof value === "string") return value;
  return isObject(value) && typeof value.content === "string" ? value.content : undefined;
}

/**
 * Checks a vocabulary of the form token -> id: at most {@link TOKENIZER_ENTRIES_MAX} ids, each a whole number below it.
 * @throws {FarmError} model_invalid
 */
export function checkVocabulary(value: unknown, path: string): ReadonlyMap<string, number> {
  if (!isObject(value)) throw invalidTokenizer(path, "vocabulary is no object of token to id");
  const entries = Object.entries(value);
  checkCount(entries.length, "vocabulary", path);
  const ids = new Map<string, number>();
  for (const [token, id] of entries) ids.set(token, checkId(id, path));
  return ids;
}

/**
 * Checks one token id.
 * @throws {FarmError} model_invalid
 */
export function checkId(id: unknown, path: string): number {
  if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < TOKENIZER_ENTRIES_MAX) return id;
  throw invalidTokenizer(
    path,
    `token id is ${JSON.stringify(id)}, expected 0 to ${TOKENIZER_ENTRIES_MAX - 1}`,
  );
}

/**
 * Checks the length of a vocabulary or a merge list.
 * @throws {FarmError} model_invalid
 */
export function checkCount(count: number, what: string, path: string): void {
  if (count >= 1 && count <= TOKENIZER_ENTRIES_MAX) return;
  throw invalidTokenizer(path, `length of the ${what} is ${count}, expected 1 to ${TOKENIZER_ENTRIES_MAX}`);
}
