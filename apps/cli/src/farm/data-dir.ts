import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { usageError } from "../failure.js";
import { isErrno } from "./state-file.js";

/**
 * Makes a data folder, or asserts that the one that is there can be written to, before anything starts in it. Each
 * folder is made by itself: Node's recursive mkdir never ends where a folder takes no entries, such as below `/proc`.
 * @throws {FarmError} invalid_request
 */
export function prepareDataDir(dataDir: string): void {
  try {
    makeDir(dataDir);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : error;
    throw usageError(`Cannot keep data in ${dataDir} as the system refuses: code is ${code}`);
  }
  if (!statSync(dataDir).isDirectory()) throw usageError(`Cannot keep data in ${dataDir}: it is no folder`);
}

function makeDir(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })) return;
  makeDir(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Two calls may begin at once.
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
