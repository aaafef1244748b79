import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/** Bytes of one read: large enough that the calls do not count. */
const READ_BYTES = 1024 * 1024;

/**
 * The hexadecimal SHA-256 of a file, 1 MiB of it in memory at a time. One core does some 1.2 GB/s where the processor has
 * instructions for it.
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const bytes = createReadStream(path, { highWaterMark: READ_BYTES, ...(signal && { signal }) });
  for await (const chunk of bytes) hash.update(chunk);
  return hash.digest("hex");
}
