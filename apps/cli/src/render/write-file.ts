import { open, rename, rm } from "node:fs/promises";
import { FarmError } from "@latentfarm/contract";

/**
 * Writes a file whole or not at all: beside its place first, then renamed over it.
 * @throws {FarmError} store_unavailable
 */
export async function writeFileWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    const file = await open(temporary, "w");
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FarmError("store_unavailable", `Cannot write ${path}: ${why}`, { cause });
  }
}
