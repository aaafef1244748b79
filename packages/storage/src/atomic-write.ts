import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fsCode } from "./fs-error.js";

/** Where an atomic write goes. */
export interface AtomicWrite {
  /** The file that appears, whole or not at all. */
  readonly path: string;
  /** A folder on the same file system for the unfinished file. */
  readonly temporaryDir: string;
}

/**
 * Writes a file so that it is either wholly there or not, also after a power cut: temporary file, fsync, rename,
 * fsync of the folder. A failed write leaves nothing behind.
 */
export async function writeAtomically(write: AtomicWrite, bytes: Uint8Array): Promise<void> {
  await makeDurableDir(write.temporaryDir);
  await makeDurableDir(dirname(write.path));
  const temporary = join(write.temporaryDir, randomUUID());
  try {
    await writeSynced(temporary, bytes);
    await rename(temporary, write.path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDir(dirname(write.path));
}

/** Writes a file that is not there yet, and syncs its bytes. */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Makes a folder and its parents; each new name is synced in the folder that holds it. NOTE: Node's own recursive mkdir
 * never ends where a folder takes no entries, such as below `/proc` (Node 20.20).
 */
export async function makeDurableDir(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (isPresent(error)) return;
    if (fsCode(error) !== "ENOENT") throw error;
    await makeDurableDir(dirname(path));
    await mkdir(path).catch((again: unknown) => {
      if (!isPresent(again)) throw again;
    });
  }
  await syncDir(dirname(path));
}

function isPresent(error: unknown): boolean {
  const code = fsCode(error);
  return code === "EEXIST" || code === "EISDIR";
}

async function syncDir(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
