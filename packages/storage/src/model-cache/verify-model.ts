import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { writeAtomically } from "../atomic-write.js";
import { isAbsent } from "../fs-error.js";
import { toCacheError } from "./cache-layout.js";
import { hashFile } from "./hash-file.js";
import { assertModelPath } from "./model-path.js";
import { formatSums, type ModelSum, parseSums, SUMS_FILE } from "./model-sums.js";

/** What was found of one file. */
export interface VerifiedFile {
  readonly path: string;
  readonly outcome: "ok" | "differs" | "absent";
}

/**
 * Compares the files of a model's folder with its checksums, one after the other.
 * @throws {FarmError} file_invalid there are no checksums; file_unreadable
 */
export async function* verifyModel(dir: string, signal: AbortSignal): AsyncGenerator<VerifiedFile> {
  for (const { path, sha256 } of parseSums(await readSums(dir))) {
    const found = await hashOrAbsent(join(dir, path), signal);
    yield { path, outcome: found === undefined ? "absent" : found === sha256 ? "ok" : "differs" };
  }
}

/**
 * Writes the file of checksums of a model's folder, with which it may be put into a bucket. Hidden files and folders are
 * left out, as editors and hubs leave them; links are followed.
 * @throws {FarmError} file_invalid a name that a pull would refuse; file_unreadable
 */
export async function writeSums(
  dir: string,
  options: { readonly signal: AbortSignal; readonly onFile?: (sum: ModelSum) => void },
): Promise<readonly ModelSum[]> {
  const sums: ModelSum[] = [];
  for (const path of await listFiles(dir, "")) {
    assertModelPath(path, `a file in ${dir}`);
    const sha256 = await hashOrAbsent(join(dir, path), options.signal);
    if (sha256 === undefined) continue;
    sums.push({ path, sha256 });
    options.onFile?.({ path, sha256 });
  }
  const text = formatSums(sums);
  // What a pull would refuse is found by who makes it.
  parseSums(text);
  try {
    await writeAtomically({ path: join(dir, SUMS_FILE), temporaryDir: dir }, Buffer.from(text));
  } catch (error) {
    throw toCacheError("write", join(dir, SUMS_FILE), error);
  }
  return sums;
}

async function readSums(dir: string): Promise<string> {
  try {
    return await readFile(join(dir, SUMS_FILE), "utf8");
  } catch (error) {
    if (!isAbsent(error)) throw toCacheError("read", join(dir, SUMS_FILE), error);
    throw new FarmError(
      "file_invalid",
      `Cannot check ${dir} as it has no checksums: ${SUMS_FILE} is absent (farm models sums DIR writes it)`,
    );
  }
}

async function hashOrAbsent(path: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await hashFile(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isAbsent(error)) return undefined;
    throw toCacheError("read", path, error);
  }
}

async function listFiles(dir: string, below: string): Promise<string[]> {
  const entries = await readdir(join(dir, below), { withFileTypes: true }).catch((error: unknown) => {
    throw toCacheError("read", join(dir, below), error);
  });
  const paths: string[] = [];
  for (const entry of entries) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.name.startsWith(".") || path === SUMS_FILE) continue;
    if (entry.isDirectory()) paths.push(...(await listFiles(dir, path)));
    else if (entry.isFile() || entry.isSymbolicLink()) paths.push(path);
  }
  return paths.sort();
}
