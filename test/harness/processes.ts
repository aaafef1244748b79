import { type ChildProcess, fork } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Long enough for a cold start on two shared cores; a process that is not ready by then is broken. */
const READY_TIMEOUT_MS = 60_000;
/** A drain ends well within this; after it the process is killed so that a test run leaves nothing behind. */
const STOP_TIMEOUT_MS = 20_000;

/** The root of the repository, found from this file or from its build. */
export const REPOSITORY_ROOT: string = findRoot(path.dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  return path.basename(folder) === "test" ? path.dirname(folder) : findRoot(path.dirname(folder));
}

/** A process of the farm under test. */
export interface FarmProcess<Ready> {
  readonly child: ChildProcess;
  readonly ready: Ready;
  /** Resolves when the process has ended. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** SIGTERM, then SIGKILL after a while. */
  stop(): Promise<void>;
}

/** What to start and how. */
export interface ProcessOptions {
  /** Module to run, relative to the repository's root. */
  readonly module: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where its output goes; read it when a test fails. */
  readonly logFile: string;
  /** Flags for Node itself, such as those of its profiler. */
  readonly nodeFlags?: readonly string[];
}

/**
 * Starts a process of the farm and waits for its `{type: "ready"}` message. `read` picks what the test needs of it.
 * Throws when the process ends or stays silent before that.
 */
export async function startProcess<Ready>(
  options: ProcessOptions,
  read: (message: Record<string, unknown>) => Ready,
): Promise<FarmProcess<Ready>> {
  await mkdir(path.dirname(options.logFile), { recursive: true });
  const child = fork(path.join(REPOSITORY_ROOT, options.module), [], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...options.env },
    // The test runner's own flags would make the process read sources instead of the build.
    execArgv: [...(options.nodeFlags ?? [])],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const log = createWriteStream(options.logFile, { flags: "a" });
  child.stdout?.pipe(log);
  child.stderr?.pipe(log, { end: false });
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const message = await firstReady(child, exited, options);
  return { child, ready: read(message), exited, stop: () => stopProcess(child, exited) };
}

async function firstReady(
  child: ChildProcess,
  exited: Promise<unknown>,
  options: ProcessOptions,
): Promise<Record<string, unknown>> {
  const failure = (why: string) =>
    new Error(`Cannot start ${options.module}: ${why}; see ${options.logFile}`);
  let timer: NodeJS.Timeout | undefined;
  const message = new Promise<Record<string, unknown>>((resolve, reject) => {
    timer = setTimeout(() => reject(failure(`silent for ${READY_TIMEOUT_MS} ms`)), READY_TIMEOUT_MS);
    child.on("message", (value) => {
      if (isRecord(value) && value.type === "ready") resolve(value);
    });
    void exited.then(() => reject(failure("it ended")));
  });
  try {
    return await message;
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

async function stopProcess(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
