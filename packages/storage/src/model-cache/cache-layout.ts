import { basename, dirname, join, resolve } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { makeDurableDir } from "../atomic-write.js";
import { fsCode } from "../fs-error.js";

/** The folder of what is not a model yet, or no more, beside the models: on their file system, so that a rename moves it. */
const PULLS_DIR = ".pulls";

/** A model's folder: a name that no option, hidden file or path can be. */
const MODEL_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;

/** The places of one model in a cache folder. */
export interface CachePlace {
  /** The model's name: its folder's. */
  readonly name: string;
  /** The model's folder: whole, or absent. */
  readonly modelDir: string;
  /** The folder of all models. */
  readonly cacheDir: string;
  /** The folder of everything unfinished. */
  readonly pullsDir: string;
}

/**
 * The places of the model that is to lie in a folder.
 * @throws {FarmError} config_invalid the folder's name cannot be a model's
 */
export function placeOf(dir: string): CachePlace {
  const modelDir = resolve(dir);
  const name = basename(modelDir);
  if (!MODEL_NAME.test(name)) {
    throw new FarmError(
      "config_invalid",
      `Cannot keep a model in ${modelDir}: its name must be 1..100 letters, digits, '_', '.' and '-'`,
    );
  }
  const cacheDir = dirname(modelDir);
  return { name, modelDir, cacheDir, pullsDir: join(cacheDir, PULLS_DIR) };
}

/** Makes the folders that a cache needs. @throws {FarmError} file_unreadable */
export async function makeCache({ pullsDir }: CachePlace): Promise<void> {
  try {
    await makeDurableDir(pullsDir);
  } catch (error) {
    throw toCacheError("make the folder", pullsDir, error);
  }
}

/** What the codes of the file system mean to whoever runs the farm. */
const MEANINGS: ReadonlyMap<string, string> = new Map([
  ...["ENOSPC", "EDQUOT", "EFBIG"].map((code): [string, string] => [code, "the disk is full"]),
  ...["EACCES", "EPERM", "EROFS"].map((code): [string, string] => [code, "this user may not write there"]),
  // A model appears by a rename, which no mount lets through.
  ...["EBUSY", "EXDEV"].map((code): [string, string] => [
    code,
    "it is a mount of its own (mount the folder above it)",
  ]),
]);

/** The FarmError of a failed operation on the cache's disk; what is no error of the file system stays as it is. */
export function toCacheError(action: string, path: string, error: unknown): unknown {
  const code = fsCode(error);
  if (code === undefined || error instanceof FarmError) return error;
  const reason = MEANINGS.get(code) ?? "the disk refuses";
  return new FarmError("file_unreadable", `Cannot ${action} ${path} as ${reason}: code is ${code}`, {
    cause: error,
    details: { path, code },
  });
}
