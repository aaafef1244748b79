import { type FileHandle, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fsCode } from "../fs-error.js";
import { toCacheError } from "./cache-layout.js";
import { describeOwner, isOwnerGone } from "./lock-owner.js";

/** Times of a lock in milliseconds; tests have shorter ones. */
export interface LockTimes {
  /** Between two signs of life of a holder. */
  readonly beatMs: number;
  /** Without a sign of life, after which a holder counts as dead. */
  readonly staleMs: number;
  /** Between two looks of who waits. */
  readonly pollMs: number;
}

/** The times of a farm. */
export const LOCK_TIMES: LockTimes = Object.freeze({
  beatMs: 1_000,
  /** A disk that is written to at full speed holds small writes up for some seconds. */
  staleMs: 10_000,
  pollMs: 500,
});

/** How far the holder is, for those who wait. */
export interface LockNote {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A lock that this process holds; disposing gives it back. */
export interface CacheLock extends AsyncDisposable {
  /** Aborts when another has taken it over, as it may once this process was still for `staleMs`. */
  readonly lost: AbortSignal;
  /** Looks whether it is still held. */
  isHeld(): Promise<boolean>;
  /** Has those who wait told how far this holder is. */
  tell(note: LockNote): void;
}

/** Which lock, and how it is waited for. */
export interface LockOptions {
  readonly dir: string;
  readonly name: string;
  readonly signal: AbortSignal;
  readonly times?: LockTimes;
  /** Called at each look while another holds it. */
  readonly onWait?: (note: LockNote | undefined) => void;
}

/** Characters of a claim's text, so that each beat overwrites the one before in place. */
const TEXT_CHARS = 200;
const RELEASED = "released";

/**
 * Takes the lock of a name, waiting for whoever holds it. Processes of several containers meet here, on a disk that may be
 * a network's: process ids mean nothing to each other, clocks differ, and Node has no flock. So a claim is a file
 * `NAME.lock.N`, made only where none is, and the claim with the highest N holds. A holder writes a new text into its claim each
 * `beatMs`; who sees the same text for `staleMs` by its own clock claims N + 1, which one alone can, and the lower ones go.
 * Where the text names a process that this one can look for, its end is seen at once.
 * The highest claim is never removed, also when it is given back, so that N only grows and an old holder that wakes up
 * finds that it holds nothing.
 * @throws {FarmError} file_unreadable; the signal's reason
 */
export async function takeLock(options: LockOptions): Promise<CacheLock> {
  const { dir, name, signal, times = LOCK_TIMES } = options;
  let seen: { readonly number: number; readonly text: string; readonly sinceMs: number } | undefined;
  for (;;) {
    signal.throwIfAborted();
    const top = await readTop(dir, name);
    if (seen === undefined || top?.number !== seen.number || top.text !== seen.text) {
      seen = top && { ...top, sinceMs: performance.now() };
    }
    const isFree =
      top === undefined || top.text.startsWith(RELEASED) || (await isOwnerGone(ownerOf(top.text)));
    if (isFree || (seen !== undefined && performance.now() - seen.sinceMs >= times.staleMs)) {
      const held = await claim(options, (top?.number ?? 0) + 1);
      if (held !== undefined) return held;
    }
    if (!isFree) options.onWait?.(noteOf(top.text));
    await delay(times.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

interface Claim {
  readonly number: number;
  readonly text: string;
}

async function claimNumbers(dir: string, name: string): Promise<number[]> {
  const prefix = `${name}.lock.`;
  const names = await readdir(dir);
  return names
    .filter((file) => file.startsWith(prefix))
    .map((file) => file.slice(prefix.length))
    .filter((text) => /^[1-9][0-9]{0,14}$/.test(text))
    .map(Number);
}

async function readTop(dir: string, name: string): Promise<Claim | undefined> {
  try {
    for (;;) {
      const numbers = await claimNumbers(dir, name);
      if (numbers.length === 0) return undefined;
      const number = Math.max(...numbers);
      const text = await readFile(claimPath(dir, name, number), "utf8").catch((error: unknown) => {
        if (fsCode(error) === "ENOENT") return undefined;
        throw error;
      });
      // It went as a higher one came.
      if (text !== undefined) return { number, text };
    }
  } catch (error) {
    throw toCacheError("look for the lock in", dir, error);
  }
}

function claimPath(dir: string, name: string, number: number): string {
  return join(dir, `${name}.lock.${number}`);
}

async function claim(options: LockOptions, number: number): Promise<CacheLock | undefined> {
  const { dir, name, times = LOCK_TIMES } = options;
  const path = claimPath(dir, name, number);
  let file: FileHandle;
  try {
    file = await open(path, "wx", FILE_MODE);
  } catch (error) {
    if (fsCode(error) === "EEXIST") return undefined;
    throw toCacheError("take the lock", path, error);
  }
  try {
    const isTop = async () => Math.max(...(await claimNumbers(dir, name))) === number;
    const held = hold(file, { isTop, times, owner: await describeOwner() });
    await held.beat();
    // One that was slow may find numbers beyond its own.
    if (await isTop()) {
      await removeLower(dir, name, number);
      return held.lock;
    }
    await held.lock[Symbol.asyncDispose]();
    await rm(path, { force: true });
    return undefined;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw toCacheError("take the lock", path, error);
  }
}

/** All may read it, its owner writes it. */
const FILE_MODE = 0o644;

async function removeLower(dir: string, name: string, number: number): Promise<void> {
  const lower = (await claimNumbers(dir, name)).filter((other) => other < number);
  await Promise.all(lower.map((other) => rm(claimPath(dir, name, other), { force: true })));
}

function hold(
  file: FileHandle,
  parts: { readonly isTop: () => Promise<boolean>; readonly times: LockTimes; readonly owner: string },
): { readonly lock: CacheLock; readonly beat: () => Promise<void> } {
  const { isTop, times, owner } = parts;
  const lost = new AbortController();
  let note: LockNote = { doneBytes: 0, totalBytes: 0 };
  let beats = 0;
  let beating: Promise<void> = Promise.resolve();
  const write = async (text: string) => void (await file.write(text.padEnd(TEXT_CHARS), 0));
  const beat = async () => {
    await write(`${owner} ${beats++} ${note.doneBytes}/${note.totalBytes}`);
    if (!(await isTop())) lost.abort();
  };
  const timer = setInterval(() => {
    // A disk that refuses a beat shows itself in what the lock protects.
    beating = beating.then(beat).catch(() => undefined);
  }, times.beatMs);
  const lock: CacheLock = {
    lost: lost.signal,
    isHeld: async () => !lost.signal.aborted && (await isTop()),
    tell: (newest) => {
      note = newest;
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await beating;
      await write(RELEASED).catch(() => undefined);
      await file.close().catch(() => undefined);
    },
  };
  return { lock, beat };
}

function ownerOf(text: string): string {
  return text.split(" ", 1)[0] ?? "";
}

function noteOf(text: string): LockNote | undefined {
  const [, done, total] = / (\d{1,15})\/(\d{1,15})\s*$/.exec(text) ?? [];
  if (done === undefined || total === undefined || total === "0") return undefined;
  return { doneBytes: Number(done), totalBytes: Number(total) };
}
