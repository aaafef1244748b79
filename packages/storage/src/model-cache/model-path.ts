import { FarmError } from "@latentfarm/contract";

/** Characters of a path: with a cache folder before it, it stays within the 1,024 bytes of a key and of macOS's paths. */
const PATH_CHARS_MAX = 512;
/** Characters of one name: 255 is every file system's most; what stands beside a file takes a few. */
const NAME_CHARS_MAX = 200;
/** Folders in folders: tokenizers lie two deep. */
const DEPTH_MAX = 8;

/**
 * One name: what people call checkpoint files. No control character, no slash or backslash, no colon (streams of NTFS),
 * no leading dot (ours begin so), no leading dash or blank, no dot or blank at the end (Windows drops them).
 */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.,+@=()[\]{} -]*(?<![. ])$/;

/** Names that open devices on Windows, with any ending. Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces". */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)/i;

/**
 * Asserts that a path from outside names a file below a model's folder and nothing else.
 * @param where what holds the path, for the message; the path itself may hold anything and is not repeated
 * @throws {FarmError} file_invalid
 */
export function assertModelPath(path: string, where: string): void {
  const names = path.split("/");
  const isPlain = names.every(
    (name) => name.length <= NAME_CHARS_MAX && NAME.test(name) && !DEVICE.test(name),
  );
  if (isPlain && path.length <= PATH_CHARS_MAX && names.length <= DEPTH_MAX) return;
  throw new FarmError(
    "file_invalid",
    `Cannot take the path as a model's file: ${where} is not plain names with slashes between, of ${PATH_CHARS_MAX} characters and ${DEPTH_MAX} folders at most`,
  );
}
