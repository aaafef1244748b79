import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { type ChildMessage, type HostMessage, parseChildMessage } from "../ipc/messages.js";
import type { EngineLog } from "./engine-host.js";

/** Characters of one piece of the engine's stderr that reach the log: onnxruntime prints whole graphs at times. */
const STDERR_CHARS_MAX = 4096;

/** What an engine process reports. `onExit` comes once, last, and also when the process never started. */
export interface EngineEvents {
  onMessage(message: ChildMessage): void;
  onExit(exit: EngineExit): void;
}

/** How an engine process ended. */
export interface EngineExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Set when the process could not be started or was killed for what it did. */
  readonly reason?: string;
}

/** A running engine process. */
export interface EngineProcess {
  readonly pid: number | null;
  /** Sends a message; one that cannot be delivered is lost, and the exit that explains it follows. */
  send(message: HostMessage): void;
  /** Ends the process at once. */
  kill(): void;
}

/** Starts an engine process. */
export type SpawnEngine = (events: EngineEvents) => EngineProcess;

/** How engine processes are started. */
export interface EngineProcessOptions {
  readonly log: EngineLog;
  /** Milliseconds without a message after which the process counts as hung and is killed. */
  readonly silenceMaxMs: number;
  /** The whole environment of the process. */
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Forks the engine. Its environment is its own: it reads nothing from it but what CUDA does, and a secret of the worker
 * has no business in the process that parses model files. Its stderr goes to the log.
 */
export function spawnEngineProcess(options: EngineProcessOptions, events: EngineEvents): EngineProcess {
  const { log, silenceMaxMs, environment } = options;
  // The entry is the built one even when the host runs from source: a forked Node does not read TypeScript.
  const entry = createRequire(import.meta.url).resolve("@latentfarm/engine/child");
  const child = fork(entry, [], {
    serialization: "advanced",
    env: { ...environment },
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let reason: string | undefined;
  const condemn = (why: string, fields: object = {}) => {
    reason = why;
    log.error({ enginePid: child.pid, ...fields }, `engine is killed: ${why}`);
    child.kill("SIGKILL");
  };
  const silence = setTimeout(() => condemn("it is silent", { silenceMaxMs }), silenceMaxMs);
  child.on("message", (value) => {
    silence.refresh();
    const message = readMessage(value);
    if (message instanceof Error) condemn("it breaks the protocol", { err: message });
    else events.onMessage(message);
  });
  logStderr(child, log);
  onEnd(child, (exit) => {
    clearTimeout(silence);
    events.onExit(reason === undefined ? exit : { ...exit, reason });
  });
  return {
    pid: child.pid ?? null,
    send: (message) => {
      if (child.connected) child.send(message, () => undefined);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}

function readMessage(value: unknown): ChildMessage | Error {
  try {
    return parseChildMessage(value);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function logStderr(child: ChildProcess, log: EngineLog): void {
  child.stderr?.setEncoding("utf8");
  child.stderr?.on("data", (chunk: string) => {
    const text = chunk.trimEnd().slice(0, STDERR_CHARS_MAX);
    if (text !== "") log.warn({ enginePid: child.pid, text }, "engine wrote to stderr");
  });
}

/** Calls back once: at the exit, or at the error of a process that could not be started. */
function onEnd(child: ChildProcess, end: (exit: EngineExit) => void): void {
  let ended = false;
  const once = (exit: EngineExit) => {
    if (ended) return;
    ended = true;
    end(exit);
  };
  child.on("exit", (code, signal) => once({ code, signal }));
  child.on("error", (error) => {
    if (child.pid === undefined) once({ code: null, signal: null, reason: error.message });
  });
}
