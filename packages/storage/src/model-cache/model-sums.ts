import { FarmError } from "@latentfarm/contract";
import { assertModelPath } from "./model-path.js";

/** The file of checksums at a model's prefix and in its folder, as sha256sum writes and checks it. */
export const SUMS_FILE = "SHA256SUMS";

/** Bytes of a file of checksums: 4,096 lines of 64 digits and the longest path make 2.4 MB. */
export const SUMS_BYTES_MAX = 4 * 1024 * 1024;

/** Files of one model: SD3.5 with its tokenizers has some 20. */
const FILES_MAX = 4_096;

/** One file of a model with what its bytes must give. */
export interface ModelSum {
  /** From the model's folder, with slashes. */
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
}

/**
 * Reads a file of checksums. What stands in it comes from a bucket and becomes paths on this disk, so that each path is
 * checked, and no two of them may be the same file or one the folder of the other, on any file system.
 * Source: GNU coreutils, "md5sum invocation": 64 digits, a space, a space or `*`, the name.
 * @throws {FarmError} file_invalid
 */
export function parseSums(text: string): readonly ModelSum[] {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  const sums = lines.flatMap((line, index) => (line === "" ? [] : [parseLine(line, index + 1)]));
  if (sums.length === 0 || sums.length > FILES_MAX) {
    throw invalid(`it must name 1..${FILES_MAX} files: count is ${sums.length}`);
  }
  assertDistinct(sums);
  return sums;
}

/** The text of a file of checksums, sorted by path. */
export function formatSums(sums: readonly ModelSum[]): string {
  const sorted = [...sums].sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join("");
}

function parseLine(line: string, number: number): ModelSum {
  const [, sha256, path] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
  if (sha256 === undefined || path === undefined) {
    throw invalid(`a line is a hash, two spaces and a path: line is ${number}`);
  }
  assertModelPath(path, `line ${number} of ${SUMS_FILE}`);
  if (path.toLowerCase() === SUMS_FILE.toLowerCase()) throw invalid(`it names itself: line is ${number}`);
  return { path, sha256 };
}

/** Case is folded: on some file systems `A` and `a` are one file. */
function assertDistinct(sums: readonly ModelSum[]): void {
  const files = new Set<string>();
  for (const { path } of sums) {
    const folded = path.toLowerCase();
    if (files.has(folded)) throw invalid(`it names a file twice: path is ${path}`);
    files.add(folded);
  }
  for (const { path } of sums) {
    const parts = path.toLowerCase().split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      if (files.has(parts.slice(0, depth).join("/"))) {
        throw invalid(`it names a file that is a folder too: path is ${path}`);
      }
    }
  }
}

function invalid(reason: string): FarmError {
  return new FarmError("file_invalid", `Cannot read ${SUMS_FILE} as ${reason}`);
}
