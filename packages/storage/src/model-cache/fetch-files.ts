import type { FileHandle } from "node:fs/promises";
import { FarmError } from "@latentfarm/contract";
import { toCacheError } from "./cache-layout.js";
import { type FetchLimits, fetchPart } from "./fetch-part.js";
import { hashFile } from "./hash-file.js";
import type { ModelSource } from "./model-source.js";
import {
  openFile,
  type PartJournal,
  type PlannedFile,
  type PullPlan,
  type PullState,
  partCount,
} from "./pull-state.js";

/** What is told of a pull while it runs. */
export interface FetchEvents {
  /** Bytes that lie on the disk, of all that there are. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  /** A file gave its checksum. */
  readonly onVerified: (path: string, seconds: number) => void;
  /** Something went wrong that the pull goes on from, in a sentence. */
  readonly onTrouble: (path: string, reason: string) => void;
}

/** A pull of files. */
export interface FilesFetch {
  readonly source: ModelSource;
  readonly plan: PullPlan;
  readonly state: PullState;
  /** Pieces that are fetched at once. */
  readonly connections: number;
  readonly limits: FetchLimits;
  readonly signal: AbortSignal;
  readonly events: FetchEvents;
}

/** A file whose missing parts are fetched. */
interface OpenFile {
  readonly planned: PlannedFile;
  readonly file: FileHandle;
  readonly journal: PartJournal;
  /** True when parts of it were there already: only then a second try may give another checksum. */
  readonly wasBegun: boolean;
}

/**
 * Fetches every file of a plan and checks each against its checksum. Pieces of all files are fetched side by side, the
 * largest file first, so that neither many small files nor the last one leaves connections idle. The first failure ends
 * the others; what is fetched by then stays.
 * @throws {FarmError} file_invalid a checksum or a changed file; store_unavailable, file_unreadable; the signal's reason
 */
export async function fetchFiles(fetch: FilesFetch): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([fetch.signal, failed.signal]);
  const totalBytes = fetch.plan.files.reduce((sum, { size }) => sum + size, 0);
  let doneBytes = 0;
  const onBytes = (count: number) => {
    doneBytes += count;
    fetch.events.onProgress(doneBytes, totalBytes);
  };
  const connections = createPool(fetch.connections, signal);
  const run: Run = { ...fetch, signal, onBytes, pool: connections, fail: (error) => failed.abort(error) };
  const files = [...fetch.plan.files].sort((a, b) => b.size - a.size);
  const opened = createPool(FILES_OPEN_MAX, signal);
  // Nothing of it may run on when the lock is given back, so that each is waited for.
  await Promise.allSettled(files.map((planned) => opened.run(() => fetchFile(run, planned)).catch(run.fail)));
  fetch.signal.throwIfAborted();
  if (failed.signal.aborted) throw failed.signal.reason;
}

/** Files that are open at once: processes have some 1,000 descriptors. */
const FILES_OPEN_MAX = 32;

type Run = FilesFetch & {
  readonly pool: Pool;
  readonly onBytes: (count: number) => void;
  /** Ends all else; the first reason counts. */
  readonly fail: (error: unknown) => void;
};

async function fetchFile(run: Run, planned: PlannedFile): Promise<void> {
  await using journal = await run.state.openJournal(planned);
  const file = await openSized(run, planned);
  try {
    const wasBegun = countParts(run, planned, journal) > 0;
    if (journal.isVerified) return run.onBytes(planned.size);
    await fetchParts(run, { planned, file, journal, wasBegun });
    if (await verifyFile(run, { planned, file, journal, wasBegun })) return;
    // Parts of an earlier process may be lost of a power cut that their notes survived.
    run.events.onTrouble(planned.path, "its parts gave another checksum, all of it is fetched again");
    await fetchParts(run, { planned, file, journal, wasBegun: false });
    await verifyFile(run, { planned, file, journal, wasBegun: false });
  } finally {
    await file.close();
  }
}

async function openSized({ state }: Run, planned: PlannedFile): Promise<FileHandle> {
  const path = state.filePath(planned);
  try {
    const file = await openFile(path);
    await file.truncate(planned.size);
    return file;
  } catch (error) {
    throw toCacheError("write", path, error);
  }
}

function countParts({ plan }: Run, { size }: PlannedFile, journal: PartJournal): number {
  const parts = partCount(size, plan.partBytes);
  return Array.from({ length: parts }, (_, part) => journal.has(part)).filter(Boolean).length;
}

async function fetchParts(run: Run, { planned, file, journal }: OpenFile): Promise<void> {
  const { plan, source, signal, limits, events, pool } = run;
  const parts = Array.from({ length: partCount(planned.size, plan.partBytes) }, (_, part) => part);
  const fetched = parts.map(async (part) => {
    const begin = part * plan.partBytes;
    const end = Math.min(begin + plan.partBytes, planned.size);
    if (journal.has(part)) return run.onBytes(end - begin);
    await pool.run(async () => {
      await fetchPart({
        source,
        range: { path: planned.path, file: planned, begin, end },
        file,
        signal,
        limits,
        onBytes: run.onBytes,
        onRetry: (error) =>
          events.onTrouble(planned.path, error instanceof Error ? error.message : "unknown"),
      });
      await journal.add(part);
    });
  });
  await Promise.allSettled(fetched.map((part) => part.catch(run.fail)));
  signal.throwIfAborted();
}

/** True when the file gives its checksum. False has it fetched again; nothing of it is kept then. */
async function verifyFile(run: Run, { planned, file, journal, wasBegun }: OpenFile): Promise<boolean> {
  const begin = performance.now();
  const path = run.state.filePath(planned);
  const found = await hashFile(path, run.signal).catch((error: unknown) => {
    run.signal.throwIfAborted();
    throw toCacheError("read", path, error);
  });
  if (found === planned.sha256) {
    await file.datasync();
    await journal.verify();
    run.events.onVerified(planned.path, (performance.now() - begin) / MS_PER_SECOND);
    return true;
  }
  await journal.clear();
  run.onBytes(-planned.size);
  if (wasBegun) return false;
  throw new FarmError(
    "file_invalid",
    `Cannot take the model as a file does not give its checksum: path is ${planned.path}, SHA-256 is ${found}`,
    { details: { path: planned.path } },
  );
}

const MS_PER_SECOND = 1_000;

interface Pool {
  run(work: () => Promise<void>): Promise<void>;
}

/** Runs so many works at once, the others in the order in which they came, none after the signal. */
function createPool(size: number, signal: AbortSignal): Pool {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    async run(work) {
      if (running >= size) await new Promise<void>((resolve) => waiting.push(resolve));
      else running++;
      try {
        signal.throwIfAborted();
        await work();
      } finally {
        // The place is handed on, so that nobody comes between.
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
      }
    },
  };
}
