import { join } from "node:path";
import { readLiveNote } from "./state-file.js";

/** Where a farm that runs on a data folder is noted. */
export function farmNotePath(dataDir: string): string {
  return join(dataDir, "farm.json");
}

/** The URL of the farm that runs on a data folder, if its process is alive. */
export function findRunningFarm(dataDir: string): string | undefined {
  return readLiveNote(farmNotePath(dataDir))?.url;
}

/** The URL of the Redis of the farm that runs on a data folder, if its process is alive. */
export function findRunningRedis(dataDir: string): string | undefined {
  return readLiveNote(farmNotePath(dataDir))?.redisUrl;
}
