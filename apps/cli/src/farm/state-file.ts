import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isRunning, type ProcessIdentity } from "./process-identity.js";

/** What the farm notes about a process of it, for later calls. */
export interface ProcessNote extends ProcessIdentity {
  /** Where the gateway of that farm answers. */
  readonly url?: string;
  /** Where its Redis answers, with the password: whoever may read the note may do with the farm what they like. */
  readonly redisUrl?: string;
}

/** Owner only: a note may hold the password of the farm's Redis. */
const NOTE_MODE = 0o600;

/** Writes a note so that a reader sees the old one or the new one, never half of it. */
export function writeNote(path: string, note: ProcessNote): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(note), { mode: NOTE_MODE });
  renameSync(temporary, path);
}

/** Writes a note only where there is none; false when there is one. A hard link makes name and content appear at once. */
export function claimNote(path: string, note: ProcessNote): boolean {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(note), { mode: NOTE_MODE });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Reads a note; undefined when there is none or it is not one. */
export function readNote(path: string): ProcessNote | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isNote(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Reads a note about a process that still runs. */
export function readLiveNote(path: string): ProcessNote | undefined {
  const note = readNote(path);
  return note && isRunning(note) ? note : undefined;
}

/** True for a system error with the given code, such as `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function isNote(value: unknown): value is ProcessNote {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "started" in value &&
    typeof value.started === "string" &&
    (!("url" in value) || typeof value.url === "string") &&
    (!("redisUrl" in value) || typeof value.redisUrl === "string")
  );
}
