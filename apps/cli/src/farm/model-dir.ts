import { statSync } from "node:fs";
import { resolve } from "node:path";
import { usageError } from "../failure.js";

/**
 * The model folder that a caller named, as a whole path; undefined means the demo model. What is in it is the worker's
 * to judge.
 * @throws {FarmError} invalid_request it is no folder
 */
export function resolveModelDir(cwd: string, model: string | undefined): string | undefined {
  if (model === undefined) return undefined;
  const dir = resolve(cwd, model);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return dir;
  throw usageError(`Cannot use ${model} as a model folder: ${dir} is no folder`);
}
