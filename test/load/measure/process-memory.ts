import { readdirSync, readFileSync } from "node:fs";

const BYTES_PER_KIB = 1024;

/** Milliseconds between two readings: a denoiser call of the demo model takes 5, one of Large seconds. */
const SAMPLE_MS = 20;

/** What a process holds, in bytes. Source: Linux, `Documentation/filesystems/proc.rst`, `/proc/PID/status`. */
export interface ProcessMemory {
  /** Resident private pages (RssAnon): what nobody else can use. */
  readonly privateBytes: number;
  /** Resident pages of mapped files (RssFile): the kernel may drop them and read them again. */
  readonly mappedBytes: number;
  /** The largest resident size so far, private and mapped together (VmHWM). */
  readonly residentPeakBytes: number;
}

/** Watches one process from outside: onnxruntime blocks the watched one's own timers. */
export interface MemoryWatch {
  /** Ends the phase that runs and begins another. */
  begin(phase: string): void;
  /** Stops; the peaks of each phase in order. Peaks between two readings are seen by `residentPeakBytes` alone. */
  stop(): { readonly phase: string; readonly memory: ProcessMemory }[];
}

/** Reads a process's memory; undefined when it is gone. Throws where there is no /proc: this is for Linux. */
export function readProcessMemory(pid: number): ProcessMemory | undefined {
  if (process.platform !== "linux") {
    throw new Error(`Cannot read the memory of a process: platform is ${process.platform}, expected linux`);
  }
  const text = readProc(pid, "status");
  const field = (name: string): number | undefined => {
    const kib = new RegExp(`^${name}:\\s+([0-9]+) kB$`, "m").exec(text)?.[1];
    return kib === undefined ? undefined : Number(kib) * BYTES_PER_KIB;
  };
  const privateBytes = field("RssAnon");
  const mappedBytes = field("RssFile");
  const residentPeakBytes = field("VmHWM");
  if (privateBytes === undefined || mappedBytes === undefined || residentPeakBytes === undefined)
    return undefined;
  return { privateBytes, mappedBytes, residentPeakBytes };
}

/** Bytes that a process has caused to be read from the disk, the pages of mapped files included. */
export function readDiskBytes(pid: number): number {
  return Number(/^read_bytes: ([0-9]+)$/m.exec(readProc(pid, "io"))?.[1] ?? 0);
}

/** The processes that a process has started, and theirs, with their command lines. */
export function listDescendants(pid: number): { readonly pid: number; readonly command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && parentOf(Number(name)) === pid)
    .flatMap((name) => {
      const child = Number(name);
      const command = readProc(child, "cmdline").replaceAll("\0", " ").trim();
      return [{ pid: child, command }, ...listDescendants(child)];
    });
}

/** Begins to watch a process, in the phase of that name. */
export function watchMemory(pid: number, firstPhase: string): MemoryWatch {
  let phase = firstPhase;
  const peaks = new Map<string, ProcessMemory>();
  const sample = (): void => {
    const now = readProcessMemory(pid);
    if (now !== undefined) peaks.set(phase, largest(now, peaks.get(phase) ?? now));
  };
  sample();
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    begin(next) {
      sample();
      phase = next;
      sample();
    },
    stop() {
      sample();
      clearInterval(timer);
      return [...peaks].map(([name, memory]) => ({ phase: name, memory }));
    },
  };
}

function largest(a: ProcessMemory, b: ProcessMemory): ProcessMemory {
  return {
    privateBytes: Math.max(a.privateBytes, b.privateBytes),
    mappedBytes: Math.max(a.mappedBytes, b.mappedBytes),
    residentPeakBytes: Math.max(a.residentPeakBytes, b.residentPeakBytes),
  };
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+([0-9]+)$/m.exec(readProc(pid, "status"))?.[1] ?? 0);
}

/** A process may end between being listed and being read. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
