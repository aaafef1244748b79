import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent, toStoreError } from "./fs-error.js";
import type { ListedObject } from "./object-store.js";

/**
 * Every file below a folder of a store on disk, folder by folder. Names that start with a dot are the store's own. A
 * file that no put wrote is listed too: only its bytes would tell.
 */
export async function* listFolder(base: string, folder: string): AsyncGenerator<ListedObject> {
  for (const entry of await readEntries(base, folder)) {
    if (entry.name.startsWith(".")) continue;
    const key = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* listFolder(base, key);
    else if (entry.isFile()) {
      const listed = await describeFile(base, key);
      if (listed !== undefined) yield listed;
    }
  }
}

async function readEntries(base: string, folder: string): Promise<Dirent[]> {
  try {
    return await readdir(join(base, folder), { withFileTypes: true });
  } catch (error) {
    if (isAbsent(error)) return [];
    throw toStoreError("list", folder, error);
  }
}

async function describeFile(base: string, key: string): Promise<ListedObject | undefined> {
  try {
    const { size, mtimeMs } = await stat(join(base, key));
    return { key, size, modifiedMs: mtimeMs };
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw toStoreError("list", key, error);
  }
}
