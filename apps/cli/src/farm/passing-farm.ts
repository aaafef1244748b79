import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { invariant } from "@latentfarm/contract";
import { prepareDataDir } from "./data-dir.js";
import { type FarmOptions, type LocalFarm, startFarm } from "./farm.js";
import { identifyProcess } from "./process-identity.js";
import { stopLeftover } from "./redis-process.js";
import { readLiveNote, writeNote } from "./state-file.js";

const OWNER_NOTE = "owner.json";

/**
 * Starts a farm for one call. Its queue lives in a folder of its own, so that calls at the same time do not meet; its
 * results go where all results go. On a Redis that the environment names it is one more gateway and worker of the farm
 * there, which must keep its pictures in the same folder. Folders of calls that were killed are cleared first, their Redis stopped.
 * @throws {FarmError} invalid_request the data folder cannot be written to; as `startFarm()`
 */
export async function startPassingFarm(options: Omit<FarmOptions, "stateDir">): Promise<LocalFarm> {
  prepareDataDir(options.dataDir);
  const calls = join(options.dataDir, "calls");
  mkdirSync(calls, { recursive: true });
  await clearKilledCalls(calls);
  const stateDir = mkdtempSync(join(calls, `${process.pid}-`));
  const own = identifyProcess(process.pid);
  invariant(own, "this process runs");
  writeNote(join(stateDir, OWNER_NOTE), own);
  const remove = () => rmSync(stateDir, { recursive: true, force: true });
  try {
    const farm = await startFarm({ ...options, stateDir });
    return {
      ...farm,
      async drain() {
        await farm.drain();
        remove();
      },
      kill() {
        farm.kill();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function clearKilledCalls(calls: string): Promise<void> {
  for (const name of readdirSync(calls)) {
    const dir = join(calls, name);
    const isStarting = identifyProcess(Number.parseInt(name, 10)) !== undefined;
    if (isStarting || readLiveNote(join(dir, OWNER_NOTE))) continue;
    await stopLeftover(join(dir, "redis"));
    rmSync(dir, { recursive: true, force: true });
  }
}
