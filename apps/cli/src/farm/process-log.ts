import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, renameSync } from "node:fs";
import { dirname } from "node:path";

/** Bytes: a log that is larger when its process starts is set aside, so that two of them bound the disk used. */
const LOG_BYTES_MAX = 16_777_216;
/** Lines of a log that a failed start shows: the last message and its stack. */
const TAIL_LINES = 20;
const LOG_MODE = 0o600;

/** The log of one process of the farm: its standard output and error, appended over its lives. */
export interface ProcessLog {
  readonly path: string;
  /** A file descriptor to hand to a child; `close` it once the child has it. */
  open(): number;
  close(descriptor: number): void;
  /** The last lines of what was opened last: those of an earlier life may say what is mended. */
  tail(): string;
}

/** A log file, with its folder made when it is first opened. */
export function createProcessLog(path: string): ProcessLog {
  let begunBytes = Number.POSITIVE_INFINITY;
  return {
    path,
    open() {
      const descriptor = openLog(path);
      begunBytes = fstatSync(descriptor).size;
      return descriptor;
    },
    close: closeSync,
    tail() {
      try {
        const text = readFileSync(path).subarray(begunBytes).toString("utf8");
        return text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
      } catch {
        return "";
      }
    },
  };
}

function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  const descriptor = openSync(path, "a", LOG_MODE);
  if (fstatSync(descriptor).size <= LOG_BYTES_MAX) return descriptor;
  closeSync(descriptor);
  renameSync(path, `${path}.1`);
  return openSync(path, "a", LOG_MODE);
}
