import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

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

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a folder and its parents; each new name is synced in the folder that holds it. */
async function makeDurableDir(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncDir(dirname(made));
}

async function syncDir(path: string): Promise<void> {
  const dir = await open(path, "r");
  try {
    await dir.sync();
  } finally {
    await dir.close();
  }
}
