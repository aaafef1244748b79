import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { isObject, type JsonObject } from "../tokenizers/tokenizer-file.js";
import { FILE_ROLES, type FileRole } from "./model-folder.js";

/** The optional file of a model folder that holds its name, defaults, sizes, text lengths and choice of files. */
export const MANIFEST_NAME = "model.json";

/** Bytes of a manifest: it is written by hand, and a few kilobytes long. */
const MANIFEST_BYTES_MAX = 1024 * 1024;

/** What a manifest may say; other fields are its author's own. Values of `description` are checked with the model. */
export interface Manifest {
  /** The fields of the model's wire form that the manifest gives: name, architecture, license, defaults, sizes. */
  readonly description: JsonObject;
  /** Positions of a CLIP chunk. */
  readonly clipLength?: number;
  /** Tokens to which a shorter T5 sequence is padded. */
  readonly t5LengthMin?: number;
  /** Paths relative to the model folder, for folders with several files of a kind. */
  readonly files: Readonly<Partial<Record<FileRole, string>>>;
}

/**
 * Reads the manifest of a model folder; a folder without one has an empty one.
 * @throws {FarmError} model_invalid when it is no JSON object or a field has the wrong type
 */
export function readManifest(dir: string): Manifest {
  const path = join(dir, MANIFEST_NAME);
  const text = readText(path);
  if (text === undefined) return { description: {}, files: {} };
  const json = parseManifest(text);
  const { name, architecture, license, defaults, sizes } = json;
  if (defaults !== undefined && !isObject(defaults)) throw invalidManifest("defaults is no object");
  const clipLength = wholeNumber(json, "clip_length");
  const t5LengthMin = wholeNumber(json, "t5_length_min");
  return {
    description: withoutUndefined({ name, architecture, license, defaults, sizes }),
    files: readFiles(json.files),
    ...(clipLength !== undefined && { clipLength }),
    ...(t5LengthMin !== undefined && { t5LengthMin }),
  };
}

/** The error for a manifest that breaks a rule; `reason` reads "<field> is <value>". */
export function invalidManifest(reason: string, cause?: unknown): FarmError {
  return new FarmError("model_invalid", `Cannot read ${MANIFEST_NAME} as a manifest: ${reason}`, { cause });
}

function readText(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isFile() && stats.size <= MANIFEST_BYTES_MAX) return readFileSync(path, "utf8");
    throw invalidManifest(`size is ${stats.size} bytes, expected a file of at most ${MANIFEST_BYTES_MAX}`);
  } catch (cause) {
    throw cause instanceof FarmError ? cause : invalidManifest("content is unreadable", cause);
  }
}

function parseManifest(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidManifest("content is not JSON", cause);
  }
  if (!isObject(value)) throw invalidManifest("content is no JSON object");
  return value;
}

function wholeNumber(json: JsonObject, field: string): number | undefined {
  const value = json[field];
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw invalidManifest(`${field} is ${JSON.stringify(value)}, expected a whole number from 1`);
}

function readFiles(value: unknown): Partial<Record<FileRole, string>> {
  if (value === undefined) return {};
  if (!isObject(value)) throw invalidManifest("files is no object");
  const files: Partial<Record<FileRole, string>> = {};
  for (const [key, path] of Object.entries(value)) {
    const role = FILE_ROLES.find((known) => known === key);
    if (role === undefined) {
      throw invalidManifest(
        `field of files is ${JSON.stringify(key)}, expected one of ${FILE_ROLES.join(", ")}`,
      );
    }
    if (typeof path !== "string") throw invalidManifest(`files.${role} is no text`);
    files[role] = path;
  }
  return files;
}

function withoutUndefined(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
