import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomically } from "../atomic-write.js";
import { fsCode } from "../fs-error.js";
import { type CachePlace, toCacheError } from "./cache-layout.js";

/** What is to be pulled: whatever differs in it makes what lies there useless. */
export interface PullPlan {
  readonly url: string;
  /** Of the file of checksums. */
  readonly sumsSha256: string;
  readonly partBytes: number;
  readonly files: readonly PlannedFile[];
}

/** One file of a plan. */
export interface PlannedFile {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
  /** The source's name for these very bytes. */
  readonly version: string;
}

/** Which parts of a file lie on the disk, as its journal says; what is wrongly noted its checksum finds. */
export interface PartJournal extends AsyncDisposable {
  /** True when the file's bytes were found to give its checksum. */
  readonly isVerified: boolean;
  has(part: number): boolean;
  /** Notes a part whose bytes are written. */
  add(part: number): Promise<void>;
  /** Notes that the file gave its checksum; it is on the disk by then. */
  verify(): Promise<void>;
  /** Forgets every part. */
  clear(): Promise<void>;
}

/** The unfinished state of one model on the disk. */
export interface PullState {
  /** Where a file's bytes go. */
  filePath(file: PlannedFile): string;
  /** The folder that becomes the model. */
  readonly filesDir: string;
  openJournal(file: PlannedFile): Promise<PartJournal>;
  /** Removes all of it. */
  remove(): Promise<void>;
}

const PLAN_FILE = "plan.json";
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/** Parts of a file of so many bytes; an empty file has none. */
export function partCount(size: number, partBytes: number): number {
  return Math.ceil(size / partBytes);
}

/**
 * Opens what an earlier pull of the same plan has left, or begins anew. Files lie under their own paths below `files`, of
 * full length from the start; their journals beside them, so that the folder `files` can become the model by one rename.
 * @throws {FarmError} file_unreadable
 */
export async function openPullState(place: CachePlace, plan: PullPlan): Promise<PullState> {
  const dir = join(place.pullsDir, `${place.name}.pull`);
  const [filesDir, journalsDir] = [join(dir, "files"), join(dir, "parts")];
  const text = JSON.stringify(plan);
  try {
    if ((await readPlan(dir)) !== text) {
      await rm(dir, { recursive: true, force: true });
      await mkdir(filesDir, { recursive: true, mode: FOLDER_MODE });
      await mkdir(journalsDir, { recursive: true, mode: FOLDER_MODE });
      // The plan comes last: without it nothing here counts.
      await writeAtomically({ path: join(dir, PLAN_FILE), temporaryDir: dir }, Buffer.from(text));
    }
  } catch (error) {
    throw toCacheError("begin the pull in", dir, error);
  }
  return {
    filesDir,
    filePath: ({ path }) => join(filesDir, path),
    async openJournal(file) {
      await mkdir(dirname(join(filesDir, file.path)), { recursive: true, mode: FOLDER_MODE });
      const path = join(journalsDir, String(plan.files.indexOf(file)));
      return openJournal(path, partCount(file.size, plan.partBytes));
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

async function readPlan(dir: string): Promise<string | undefined> {
  try {
    return await readFile(join(dir, PLAN_FILE), "utf8");
  } catch (error) {
    if (fsCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

const DONE = 1;

/** One byte per part and one for the whole file: a write of one byte is never torn. */
async function openJournal(path: string, parts: number): Promise<PartJournal> {
  const file = await openFile(path);
  const read = new Uint8Array(parts + 1);
  await file.read(read, 0, read.length, 0);
  // What is neither is noise: the part is fetched again.
  const done = read.map((value) => (value === DONE ? DONE : 0));
  const note = async (index: number) => {
    done[index] = DONE;
    await file.write(Uint8Array.of(DONE), 0, 1, index);
  };
  return {
    get isVerified() {
      return done[parts] === DONE;
    },
    has: (part) => done[part] === DONE,
    add: note,
    verify: async () => {
      await note(parts);
      await file.datasync();
    },
    clear: async () => {
      done.fill(0);
      await file.truncate(0);
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Opens a file for reading and writing where it is, and makes it where it is not. */
export async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if (fsCode(error) !== "ENOENT") throw error;
    return open(path, "wx+", FILE_MODE);
  }
}
