import { randomUUID } from "node:crypto";
import { readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent } from "../fs-error.js";
import { type CachePlace, placeOf, toCacheError } from "./cache-layout.js";
import { takeLock } from "./cache-lock.js";
import { MARK_FILE, readMark } from "./model-mark.js";
import { readUse } from "./model-uses.js";

/** A model that was removed, or would be. */
export interface PrunedModel {
  readonly name: string;
  readonly bytes: number;
  readonly idleMs: number;
}

/** How much room is wanted, and how. */
export interface PruneOptions {
  readonly cacheDir: string;
  /** Bytes that are to be free; models go until they are. */
  readonly freeBytes: number;
  /** A model that stays whatever it is used for. */
  readonly keep?: string;
  readonly isDryRun?: boolean;
  readonly signal: AbortSignal;
  /** Milliseconds after its last use before which a model stays; `RECENT_MS` when absent. */
  readonly recentMs?: number;
}

/** A model that a pod has found here counts as used until its worker has opened it: ten minutes are a slow start. */
export const RECENT_MS = 600_000;

/** Bytes that this user may still write on the disk of a folder. @throws {FarmError} file_unreadable */
export async function freeBytesOf(dir: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch (error) {
    throw toCacheError("look at the disk of", dir, error);
  }
}

/**
 * Makes room in a cache: removes pulled models that nobody holds, the longest unused first, until enough is free. Only
 * folders with a pull's mark are models. What a process has mapped stays readable to it, but an engine that starts again
 * would miss its files: so a model that is held, or was used a short while ago, stays.
 * @throws {FarmError} file_unreadable
 */
export async function* pruneModels(options: PruneOptions): AsyncGenerator<PrunedModel> {
  const { cacheDir, freeBytes, isDryRun = false, recentMs = RECENT_MS } = options;
  if (!isDryRun) await sweepAll(options);
  let free = await freeBytesOf(cacheDir);
  for (const candidate of await findCandidates(options, recentMs)) {
    if (free >= freeBytes) return;
    const { place, model } = candidate;
    if (!isDryRun && !(await removeModel(place, options, recentMs))) continue;
    free = isDryRun ? free + model.bytes : await freeBytesOf(cacheDir);
    yield model;
  }
}

interface Candidate {
  readonly place: CachePlace;
  readonly model: PrunedModel;
}

async function findCandidates({ cacheDir, keep }: PruneOptions, recentMs: number): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const entry of await listFolders(cacheDir)) {
    if (entry === keep || entry.startsWith(".")) continue;
    const mark = await readMark(join(cacheDir, entry)).catch(() => undefined);
    if (mark === undefined) continue;
    const place = placeOf(join(cacheDir, entry));
    const { idleMs, isHeld } = await readUse(place);
    if (isHeld || idleMs < recentMs) continue;
    found.push({ place, model: { name: entry, bytes: mark.bytes, idleMs } });
  }
  return found.sort((a, b) => b.model.idleMs - a.model.idleMs);
}

async function listFolders(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw toCacheError("read", dir, error);
  }
}

/** Removes a model under its lock; false when somebody has begun to use it meanwhile. */
async function removeModel(place: CachePlace, { signal }: PruneOptions, recentMs: number): Promise<boolean> {
  await using _lock = await takeLock({ dir: place.pullsDir, name: place.name, signal });
  const away = join(place.pullsDir, `${place.name}.old.${randomUUID()}`);
  try {
    // First out of the way, then looked at again: who comes now finds no model and waits for the lock.
    await rename(place.modelDir, away);
    const { idleMs, isHeld } = await readUse({ ...place, modelDir: away });
    if (isHeld || idleMs < recentMs) {
      await rename(away, place.modelDir);
      return false;
    }
    // The mark goes first: what is left of a removal that is cut short is never taken for a model.
    await rm(join(away, MARK_FILE), { force: true });
    await rm(away, { recursive: true, force: true });
    return true;
  } catch (error) {
    throw toCacheError("remove", place.modelDir, error);
  }
}

/** Removes what is left of removals in the whole cache, each under its model's lock. */
async function sweepAll({ cacheDir, keep, signal }: PruneOptions): Promise<void> {
  const { pullsDir } = placeOf(join(cacheDir, "any"));
  const names = (await listFolders(pullsDir)).flatMap(
    (file) => /^(.+)\.old\.[0-9a-f-]{36}$/.exec(file)?.[1] ?? [],
  );
  for (const name of new Set(names)) {
    // Whose lock this process holds sweeps for itself.
    if (name === keep) continue;
    await using _lock = await takeLock({ dir: pullsDir, name, signal });
    await sweepLeftovers(placeOf(join(cacheDir, name)));
  }
}

/** Removes what removals that were cut short have left of a model. */
export async function sweepLeftovers({ pullsDir, name }: CachePlace): Promise<void> {
  const names = await readdir(pullsDir);
  const left = names.filter((file) => file.startsWith(`${name}.old.`));
  await Promise.all(left.map((file) => rm(join(pullsDir, file), { recursive: true, force: true })));
}
