import { rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { JobId } from "@latentfarm/contract";
import { fsCode, isAbsent, toStoreError } from "./fs-error.js";
import { jobFolder } from "./keys.js";

/** What a folder that still holds something answers; the second is Solaris's word. */
const IN_USE: ReadonlySet<string> = new Set(["ENOTEMPTY", "EEXIST"]);

/**
 * Removes the folders of a job whose objects are gone from a store on disk: delete() leaves them, as a put beside it
 * could need them. What is not empty stays.
 * @throws {FarmError} store_unavailable
 */
export async function removeEmptyFolder(root: string, id: JobId): Promise<void> {
  for (const folder of [join(root, ".info", jobFolder(id)), join(root, jobFolder(id))]) {
    try {
      await rmdir(folder);
    } catch (error) {
      if (!isAbsent(error) && !IN_USE.has(fsCode(error) ?? ""))
        throw toStoreError("delete", jobFolder(id), error);
    }
  }
}
