import { randomUUID } from "node:crypto";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fsCode } from "../fs-error.js";
import { type CachePlace, toCacheError } from "./cache-layout.js";

/** Milliseconds between two signs of life of who holds a model. */
const BEAT_MS = 10_000;
/** Milliseconds without one after which a hold counts as over: six beats. */
const HOLD_STALE_MS = 60_000;

/** Kept up to date while a model is in use; disposing ends the use. */
export type ModelHold = AsyncDisposable;

/** Times are read from files that are written now, so that they are all of one clock: the file system's. */
async function touch(path: string): Promise<number> {
  await writeFile(path, `${randomUUID()}\n`);
  return (await stat(path)).mtimeMs;
}

/**
 * Says that a model is in use until disposed of: whoever makes room in the cache leaves it alone. A holder that is killed
 * counts for a minute more.
 * @throws {FarmError} file_unreadable
 */
export async function holdModel(place: CachePlace): Promise<ModelHold> {
  const path = join(place.pullsDir, `${place.name}.hold.${randomUUID()}`);
  try {
    await touch(path);
  } catch (error) {
    throw toCacheError("hold the model by", path, error);
  }
  // A disk that is full or away for a while must not end the worker beside.
  const timer = setInterval(() => void touch(path).catch(() => undefined), BEAT_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await rm(path, { force: true });
      await noteUse(place);
    },
  };
}

/** Notes that a model is used now. A cache that only can be read is left as it is. */
export async function noteUse(place: CachePlace): Promise<void> {
  await touch(usePath(place)).catch((error: unknown) => {
    if (fsCode(error) === undefined) throw error;
  });
}

function usePath({ pullsDir, name }: CachePlace): string {
  return join(pullsDir, `${name}.used`);
}

/** How a model is used. */
export interface ModelUse {
  /** Milliseconds since it was last pulled, found there or held; since its making when that was never noted. */
  readonly idleMs: number;
  readonly isHeld: boolean;
}

/** Looks how a model is used, by the file system's clock. @throws {FarmError} file_unreadable */
export async function readUse(place: CachePlace): Promise<ModelUse> {
  const { pullsDir, name, modelDir } = place;
  const clock = join(pullsDir, `${name}.clock.${randomUUID()}`);
  try {
    const nowMs = await touch(clock);
    const holds = (await readdir(pullsDir)).filter((file) => file.startsWith(`${name}.hold.`));
    const ages = await Promise.all(holds.map((file) => ageOf(join(pullsDir, file), nowMs)));
    const idleMs = (await ageOf(usePath(place), nowMs)) ?? (await ageOf(modelDir, nowMs)) ?? 0;
    return { idleMs, isHeld: ages.some((ms) => ms !== undefined && ms < HOLD_STALE_MS) };
  } catch (error) {
    throw toCacheError("look at the cache", pullsDir, error);
  } finally {
    await rm(clock, { force: true });
  }
}

async function ageOf(path: string, nowMs: number): Promise<number | undefined> {
  try {
    return nowMs - (await stat(path)).mtimeMs;
  } catch (error) {
    if (fsCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
