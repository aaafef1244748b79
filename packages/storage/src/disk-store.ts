import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeAtomically } from "./atomic-write.js";
import { identifyDiskStore } from "./disk-identity.js";
import { listFolder } from "./disk-list.js";
import { isAbsent, toStoreError } from "./fs-error.js";
import { assertKey } from "./keys.js";
import type { NewObjectInfo, ObjectHead, ObjectInfo, ObjectStore, StoredObject } from "./object-store.js";

/** Folders of the store's own inside its root; keys cannot name them, since they start with a dot. */
const INFO_DIR = ".info";
const TEMPORARY_DIR = ".tmp";
/** What failures of identify() name. */
const ID_KEY = "store-id";

/**
 * An object store in a folder. An object is a plain file under its key, so that a person can open it, and a small
 * JSON file under `.info/<key>/<sha256 of the bytes>.json`. The JSON file is written first and the object's own
 * rename is the commit: whatever bytes a reader finds, the description of exactly those bytes is there. Bytes without
 * a description (damaged, or put there by hand) are no object. Descriptions of replaced bytes stay behind until the
 * object is deleted, some 200 bytes each; deleting them earlier could take that of a put under way.
 * @param root the folder, made at the first put.
 */
export function createDiskStore(root: string): ObjectStore {
  const base = resolve(root);
  const read = (key: string): Promise<StoredObject | undefined> =>
    guarded("read", key, () => readObject(base, key));
  return {
    put: (key, bytes, info) => guarded("write", key, () => writeObject({ base, key }, bytes, info)),
    get: read,
    async head(key): Promise<ObjectHead | undefined> {
      const object = await read(key);
      if (object === undefined) return undefined;
      const { bytes: _bytes, ...head } = object;
      return head;
    },
    identify: () => guarded("identify", ID_KEY, () => identifyDiskStore(base, join(base, TEMPORARY_DIR))),
    delete: (key) => guarded("delete", key, () => deleteObject(base, key)),
    list(folder) {
      assertKey(folder);
      return listFolder(base, folder);
    },
    // A folder has no server that could hand a file out.
    async sign(key) {
      assertKey(key);
      return undefined;
    },
  };
}

async function guarded<Result>(action: string, key: string, work: () => Promise<Result>): Promise<Result> {
  assertKey(key);
  try {
    return await work();
  } catch (error) {
    throw toStoreError(action, key, error);
  }
}

async function writeObject(
  at: { base: string; key: string },
  bytes: Uint8Array,
  info: NewObjectInfo,
): Promise<void> {
  const temporaryDir = join(at.base, TEMPORARY_DIR);
  const description = JSON.stringify({ contentType: info.contentType, metadata: info.metadata });
  const path = infoPath(at.base, at.key, sha256Of(bytes));
  await writeAtomically({ path, temporaryDir }, Buffer.from(description));
  await writeAtomically({ path: join(at.base, at.key), temporaryDir }, bytes);
}

async function readObject(base: string, key: string): Promise<StoredObject | undefined> {
  const bytes = await readIfPresent(join(base, key));
  if (bytes === undefined) return undefined;
  const sha256 = sha256Of(bytes);
  const description = await readIfPresent(infoPath(base, key, sha256));
  const info = description === undefined ? undefined : parseInfo(description.toString("utf8"));
  return info === undefined ? undefined : { ...info, bytes, size: bytes.length, sha256 };
}

/** The bytes go first: what is left without them is no object. */
async function deleteObject(base: string, key: string): Promise<void> {
  await rm(join(base, key), { force: true });
  await rm(join(base, INFO_DIR, key), { recursive: true, force: true });
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function parseInfo(text: string): ObjectInfo | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (!("contentType" in value) || typeof value.contentType !== "string") return undefined;
  if (!("metadata" in value) || typeof value.metadata !== "object" || value.metadata === null)
    return undefined;
  const labels = Object.entries(value.metadata).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return { contentType: value.contentType, metadata: Object.fromEntries(labels) };
}

function infoPath(base: string, key: string, sha256: string): string {
  return join(base, INFO_DIR, key, `${sha256}.json`);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
