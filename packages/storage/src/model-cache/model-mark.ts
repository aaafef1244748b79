import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { writeAtomically } from "../atomic-write.js";
import { fsCode, isAbsent } from "../fs-error.js";
import { toCacheError } from "./cache-layout.js";

/** The file in a model's folder that says that a pull has made it, and from what. */
export const MARK_FILE = ".latentfarm-model.json";

/** What the mark says. */
export interface ModelMark {
  readonly url: string;
  readonly sumsSha256: string;
  readonly bytes: number;
  readonly files: readonly MarkedFile[];
  /** ISO 8601. */
  readonly pulledAt: string;
}

/** A file of a pulled model. */
export interface MarkedFile {
  readonly path: string;
  readonly size: number;
}

/** Writes the mark into a folder that becomes a model. */
export async function writeMark(dir: string, mark: ModelMark): Promise<void> {
  const text = `${JSON.stringify(mark, undefined, 2)}\n`;
  await writeAtomically({ path: join(dir, MARK_FILE), temporaryDir: dir }, Buffer.from(text));
}

/** The mark of a model's folder; undefined when there is no such folder, or an empty one. @throws {FarmError} config_invalid another's */
export async function readMark(dir: string): Promise<ModelMark | undefined> {
  let text: string;
  try {
    text = await readFile(join(dir, MARK_FILE), "utf8");
  } catch (error) {
    if (!isAbsent(error)) throw toCacheError("read", dir, error);
    return undefined;
  }
  const mark = parseMark(text);
  if (mark !== undefined) return mark;
  throw new FarmError("file_invalid", `Cannot read ${MARK_FILE} in ${dir}: it is no mark of a pulled model`);
}

/** True when each file of the mark lies there in its size; what is in them `verifyModel()` tells. */
export async function isComplete(dir: string, { files }: ModelMark): Promise<boolean> {
  for (const { path, size } of files) {
    const found = await stat(join(dir, path)).catch((error: unknown) => {
      if (fsCode(error) !== undefined) return undefined;
      throw error;
    });
    if (found === undefined || !found.isFile() || found.size !== size) return false;
  }
  return true;
}

function parseMark(text: string): ModelMark | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMark(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMark(value: unknown): value is ModelMark {
  if (typeof value !== "object" || value === null) return false;
  return (
    "url" in value &&
    typeof value.url === "string" &&
    "sumsSha256" in value &&
    typeof value.sumsSha256 === "string" &&
    "bytes" in value &&
    typeof value.bytes === "number" &&
    "pulledAt" in value &&
    typeof value.pulledAt === "string" &&
    "files" in value &&
    Array.isArray(value.files) &&
    value.files.every(isMarkedFile)
  );
}

function isMarkedFile(value: unknown): value is MarkedFile {
  return (
    typeof value === "object" &&
    value !== null &&
    "path" in value &&
    typeof value.path === "string" &&
    "size" in value &&
    typeof value.size === "number"
  );
}
