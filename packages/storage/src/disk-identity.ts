import { randomUUID } from "node:crypto";
import { link, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { makeDurableDir, writeSynced } from "./atomic-write.js";
import { fsCode, isAbsent } from "./fs-error.js";
import type { StoreIdentity } from "./object-store.js";

/** No key can name it, since it starts with a dot. */
const ID_FILE = ".store-id";

/** The identity of a store in a folder: a random id in it, made once. Of two processes that make it, one wins. */
export async function identifyDiskStore(base: string, temporaryDir: string): Promise<StoreIdentity> {
  const path = join(base, ID_FILE);
  const id = (await readIfPresent(path)) ?? (await makeId(path, temporaryDir));
  return { id, place: `${hostname()}:${base}` };
}

async function makeId(path: string, temporaryDir: string): Promise<string> {
  await makeDurableDir(temporaryDir);
  const temporary = join(temporaryDir, randomUUID());
  await writeSynced(temporary, Buffer.from(randomUUID()));
  try {
    // A link appears whole, and only where there is none: rename() would take the place of another process's.
    await link(temporary, path);
  } catch (error) {
    if (fsCode(error) !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return readFile(path, "utf8");
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}
