import { rmSync } from "node:fs";
import { join } from "node:path";
import { FarmError, invariant } from "@latentfarm/contract";
import { identifyProcess } from "./process-identity.js";
import { claimNote, readLiveNote, readNote } from "./state-file.js";

/** Two calls that start at once may both find a dead farm's lock; one of them wins within this many tries. */
const CLAIMS_MAX = 5;

/**
 * Takes a data folder for this process, so that two farms never share a Redis folder. A lock whose process is gone is
 * taken over. Gives the function that releases it.
 * @throws {FarmError} config_invalid another farm runs on the folder
 */
export function lockData(dataDir: string): () => void {
  const path = join(dataDir, "farm.lock");
  const own = identifyProcess(process.pid);
  invariant(own, "this process runs");
  for (let claim = 0; claim < CLAIMS_MAX; claim++) {
    if (claimNote(path, own)) return () => rmSync(path, { force: true });
    const holder = readLiveNote(path);
    if (holder) {
      throw new FarmError(
        "config_invalid",
        `Cannot start a farm as ${dataDir} is in use: process is ${holder.pid}`,
      );
    }
    // Removed only while it is still the dead one's: another call may have taken it over in between.
    if (readLiveNote(path) === undefined) rmSync(path, { force: true });
  }
  const holder = readNote(path)?.pid ?? "unknown";
  throw new FarmError("config_invalid", `Cannot start a farm as ${dataDir} is in use: process is ${holder}`);
}
