import { createHash, randomUUID } from "node:crypto";
import { chmod, readdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import { writeAtomically } from "../atomic-write.js";
import { isAbsent } from "../fs-error.js";
import { type CachePlace, makeCache, placeOf, toCacheError } from "./cache-layout.js";
import { type CacheLock, LOCK_TIMES, type LockNote, type LockTimes, takeLock } from "./cache-lock.js";
import { type FetchEvents, fetchFiles } from "./fetch-files.js";
import { FETCH_LIMITS, type FetchLimits } from "./fetch-part.js";
import { isComplete, type ModelMark, readMark, writeMark } from "./model-mark.js";
import type { ModelSource } from "./model-source.js";
import { parseSums, SUMS_BYTES_MAX, SUMS_FILE } from "./model-sums.js";
import { noteUse } from "./model-uses.js";
import { freeBytesOf, type PrunedModel, pruneModels, sweepLeftovers } from "./prune-models.js";
import { openPullState, type PlannedFile, type PullPlan, type PullState } from "./pull-state.js";

/** What a pull tells while it runs. */
export interface PullEvents extends FetchEvents {
  /** Another process pulls the same model. */
  readonly onWait: (note: LockNote | undefined) => void;
  /** The source is away, and what lies here stays unchecked against it. */
  readonly onUnchecked: (error: FarmError) => void;
  readonly onPruned: (model: PrunedModel) => void;
}

/** What is pulled, where to, and how. */
export interface PullOptions {
  readonly source: ModelSource;
  /** The model's folder, below the folder of all models. */
  readonly dir: string;
  readonly connections: number;
  readonly partBytes: number;
  /** True lets a model of other checksums be replaced. */
  readonly replace: boolean;
  /** True lets models that nobody holds go when the disk is short. */
  readonly evict: boolean;
  readonly signal: AbortSignal;
  readonly events: PullEvents;
  readonly limits?: FetchLimits;
  readonly times?: LockTimes;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** How a pull ended: fetched by this process; there already; there, and not compared as the source is away. */
export type PullOutcome = "pulled" | "present" | "unchecked";

/** What a pull is about, once the checksums are known. */
interface Wanted {
  readonly sums: Uint8Array;
  readonly sumsSha256: string;
}

/** Bytes that stay free beside a model: for journals, marks and what else writes to the disk. */
const SPARE_BYTES = 16 * 1024 * 1024;

/**
 * Brings a model's folder to what lies at its source, and never shows it half-done: files are fetched beside the models
 * and checked against their checksums, then their folder is renamed. Several processes may call it at once, also from
 * several containers: one fetches, the others wait. A process that is killed leaves a state from which the next goes on.
 * @throws {FarmError} file_invalid what the source holds is wrong; store_unavailable; config_invalid the call or the
 * credentials are wrong; file_unreadable the disk is full or refuses; the signal's reason
 */
export async function pullModel(options: PullOptions): Promise<PullOutcome> {
  const place = placeOf(options.dir);
  // Said before it is looked for, so that who makes room sees it.
  await noteUse(place);
  const present = await readMark(place.modelDir);
  const wanted = await readWanted(options, present);
  if (wanted === undefined) return "unchecked";
  if (present !== undefined && (await isPresent(place, present, wanted))) return "present";
  if (present === undefined) await assertNothingElse(place);
  await makeCache(place);
  await noteUse(place);
  await using lock = await takeLock({
    dir: place.pullsDir,
    name: place.name,
    signal: options.signal,
    times: options.times ?? LOCK_TIMES,
    onWait: options.events.onWait,
  });
  const now = await readMark(place.modelDir);
  if (now !== undefined && (await isPresent(place, now, wanted))) return "present";
  if (now !== undefined) assertReplaceable(options, now, wanted);
  await fetchAndPublish({ options, place, lock, wanted });
  return "pulled";
}

/** The checksums at the source; undefined when it is away and a whole model of it lies here. */
async function readWanted(options: PullOptions, present: ModelMark | undefined): Promise<Wanted | undefined> {
  const { source, events, dir } = options;
  try {
    const sums = await source.readSmall(SUMS_FILE, SUMS_BYTES_MAX, options.signal);
    if (sums !== undefined) return { sums, sumsSha256: createHash("sha256").update(sums).digest("hex") };
  } catch (error) {
    const isAway = error instanceof FarmError && error.code === "store_unavailable";
    const isHere = present?.url === source.url && (await isComplete(placeOf(dir).modelDir, present));
    if (!isAway || !isHere) throw error;
    events.onUnchecked(error);
    return undefined;
  }
  throw new FarmError(
    "file_invalid",
    `Cannot pull ${source.url} as it has no checksums: ${SUMS_FILE} is absent (farm models sums DIR writes it)`,
  );
}

async function isPresent({ modelDir }: CachePlace, mark: ModelMark, wanted: Wanted): Promise<boolean> {
  return mark.sumsSha256 === wanted.sumsSha256 && (await isComplete(modelDir, mark));
}

/** A folder without a mark is somebody's own. */
async function assertNothingElse({ modelDir }: CachePlace): Promise<void> {
  const names = await readdir(modelDir).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw toCacheError("read", modelDir, error);
  });
  if (names.length === 0) return;
  throw new FarmError(
    "config_invalid",
    `Cannot pull a model into ${modelDir} as no pull has made what lies there: files is ${names.length}`,
  );
}

/** A model that is damaged may always be replaced by what it was. */
function assertReplaceable({ replace, dir }: PullOptions, mark: ModelMark, wanted: Wanted): void {
  if (replace || mark.sumsSha256 === wanted.sumsSha256) return;
  throw new FarmError(
    "config_invalid",
    `Cannot pull a model into ${dir} as another one lies there: pulled at ${mark.pulledAt} with other checksums (--replace takes its place)`,
  );
}

interface Pull {
  readonly options: PullOptions;
  readonly place: CachePlace;
  readonly lock: CacheLock;
  readonly wanted: Wanted;
}

async function fetchAndPublish(pull: Pull): Promise<void> {
  const { options, place, lock } = pull;
  const { source, events, connections, limits = FETCH_LIMITS } = options;
  const signal = AbortSignal.any([options.signal, lock.lost]);
  try {
    await sweepLeftovers(place);
    const plan = await makePlan(pull);
    const state = await openPullState(place, plan);
    await assertRoom(pull, plan, state);
    const onProgress = (doneBytes: number, totalBytes: number) => {
      lock.tell({ doneBytes, totalBytes });
      events.onProgress(doneBytes, totalBytes);
    };
    await fetchFiles({ source, plan, state, connections, limits, signal, events: { ...events, onProgress } });
    await publish(pull, plan, state);
  } catch (error) {
    options.signal.throwIfAborted();
    if (!lock.lost.aborted) throw error;
    throw new FarmError("file_unreadable", "Cannot go on with the pull as another process has taken it over");
  }
}

async function makePlan({ options, wanted }: Pull): Promise<PullPlan> {
  const { source, partBytes, signal } = options;
  const files: PlannedFile[] = [];
  for (const { path, sha256 } of parseSums(new TextDecoder().decode(wanted.sums))) {
    signal.throwIfAborted();
    files.push({ path, sha256, ...(await source.look(path, signal)) });
  }
  return { url: source.url, sumsSha256: wanted.sumsSha256, partBytes, files };
}

/** Makes sure beforehand that all of it fits: what is found after an hour of fetching is found too late. */
async function assertRoom({ options, place }: Pull, plan: PullPlan, state: PullState): Promise<void> {
  const totalBytes = plan.files.reduce((sum, { size }) => sum + size, 0);
  const allocated = await Promise.all(plan.files.map((file) => allocatedBytes(state.filePath(file))));
  const neededBytes = totalBytes - allocated.reduce((sum, bytes) => sum + bytes, 0) + SPARE_BYTES;
  let freeBytes = await freeBytesOf(place.cacheDir);
  if (freeBytes < neededBytes && options.evict) {
    const { signal, events } = options;
    const pruned = pruneModels({
      cacheDir: place.cacheDir,
      freeBytes: neededBytes,
      keep: place.name,
      signal,
    });
    for await (const model of pruned) events.onPruned(model);
    freeBytes = await freeBytesOf(place.cacheDir);
  }
  if (freeBytes >= neededBytes) return;
  throw new FarmError(
    "file_unreadable",
    `Cannot pull the model to ${place.modelDir} as the disk is too small: it needs ${neededBytes} more bytes, free is ${freeBytes}`,
    { details: { neededBytes, freeBytes } },
  );
}

/** Bytes of a file that have a place on the disk; what was only made longer has none. */
async function allocatedBytes(path: string): Promise<number> {
  const found = await stat(path).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw toCacheError("look at", path, error);
  });
  return found === undefined ? 0 : found.blocks * BLOCK_BYTES;
}

/** What POSIX counts blocks in, whatever the file system's are. */
const BLOCK_BYTES = 512;
const FOLDER_MODE = 0o755;

async function publish(pull: Pull, plan: PullPlan, state: PullState): Promise<void> {
  const { options, place, lock, wanted } = pull;
  const { filesDir } = state;
  const files = plan.files.map(({ path, size }) => ({ path, size }));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const pulledAt = new Date(options.nowMs()).toISOString();
  try {
    await writeAtomically({ path: join(filesDir, SUMS_FILE), temporaryDir: filesDir }, wanted.sums);
    await writeMark(filesDir, { url: plan.url, sumsSha256: plan.sumsSha256, bytes, files, pulledAt });
    await chmod(filesDir, FOLDER_MODE);
    if (!(await lock.isHeld()))
      throw new FarmError("file_unreadable", "Cannot end the pull: the lock is lost");
    await moveAside(place);
    await rename(filesDir, place.modelDir);
    await state.remove();
    await sweepLeftovers(place);
  } catch (error) {
    throw toCacheError("put the model to", place.modelDir, error);
  }
}

/** An older model makes room by one rename; who has it open keeps its files. */
async function moveAside({ modelDir, pullsDir, name }: CachePlace): Promise<void> {
  if ((await readMark(modelDir)) === undefined) return;
  await rename(modelDir, join(pullsDir, `${name}.old.${randomUUID()}`));
}
