import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identifyProcess, isRunning } from "./process-identity.js";
import { createProcessLog } from "./process-log.js";
import { readLiveNote, writeNote } from "./state-file.js";
import { type ProcessPlan, type Supervised, type SuperviseOptions, supervise } from "./supervisor.js";
import { freePort } from "./tcp-port.js";

/** Where the farm's own Redis answers. */
export interface RedisAddress {
  readonly url: string;
}

/** What the farm's own Redis needs. */
export interface RedisOptions extends SuperviseOptions {
  readonly binary: string;
  /** Holds the append-only file; only this user may enter. */
  readonly dir: string;
  readonly logPath: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Another process may take the free port before Redis does; three in a row do not. */
const PORT_TRIES_MAX = 3;
/** Bytes: 192 bits, far beyond guessing by another user of the machine. */
const PASSWORD_BYTES = 24;
const READY_POLL_MS = 25;
/** Milliseconds for one answer of a Redis that may be reading its file. */
const ANSWER_MS_MAX = 1_000;
/** Milliseconds for a left-over Redis to write what it holds. */
const LEFTOVER_END_MS_MAX = 10_000;
const PRIVATE_MODE = 0o700;
const NOTE_NAME = "process.json";

/**
 * Starts a Redis of the farm's own and keeps it running: loopback only, a password that only this farm's processes
 * are given, append-only file synced each second, no eviction. A Redis that a killed farm left on the folder is
 * stopped first, since two on one append-only file would ruin it.
 * @throws {FarmError} internal it does not start
 */
export async function startRedis(options: RedisOptions): Promise<Supervised<RedisAddress>> {
  mkdirSync(options.dir, { recursive: true, mode: PRIVATE_MODE });
  await stopLeftover(options.dir);
  const password = randomBytes(PASSWORD_BYTES).toString("base64url");
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return await supervise(planOf(options, port, password), options);
    } catch (error) {
      if (attempt === PORT_TRIES_MAX || options.signal.aborted) throw error;
    }
  }
}

/** Stops the process that a killed farm left on a folder, if it still runs. */
export async function stopLeftover(dir: string): Promise<void> {
  const leftover = readLiveNote(join(dir, NOTE_NAME));
  if (!leftover) return;
  process.kill(leftover.pid, "SIGTERM");
  const deadline = performance.now() + LEFTOVER_END_MS_MAX;
  while (isRunning(leftover)) {
    if (performance.now() > deadline) process.kill(leftover.pid, "SIGKILL");
    await sleep(READY_POLL_MS);
  }
}

/** The configuration, given on standard input: there the password stands in no argument list and in no file. */
function configOf(port: number, password: string): string {
  return [
    "bind 127.0.0.1",
    `port ${port}`,
    "protected-mode yes",
    `requirepass ${password}`,
    "daemonize no",
    'save ""',
    "appendonly yes",
    "appendfsync everysec",
    "maxmemory-policy noeviction",
    "",
  ].join("\n");
}

function planOf(options: RedisOptions, port: number, password: string): ProcessPlan<RedisAddress> {
  const log = createProcessLog(options.logPath);
  return {
    name: "redis",
    logTail: log.tail,
    spawn() {
      const output = log.open();
      // A group of its own: Ctrl-C in the terminal must not reach it before the workers have drained.
      const stdio = ["pipe", output, output] as const;
      const child = spawn(options.binary, ["-"], {
        cwd: options.dir,
        env: options.env,
        detached: true,
        stdio: [...stdio],
      });
      log.close(output);
      child.on("error", () => undefined);
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(configOf(port, password));
      noteProcess(options.dir, child);
      return child;
    },
    async whenReady(_child, signal) {
      while (!(await answersPing(port, password))) await sleep(READY_POLL_MS, undefined, { signal });
      return { url: `redis://:${password}@127.0.0.1:${port}` };
    },
  };
}

/** Notes a child in its folder, for {@link stopLeftover}. */
export function noteProcess(dir: string, child: ChildProcess): void {
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (identity) writeNote(join(dir, NOTE_NAME), identity);
}

function answersPing(port: number, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1");
    const finish = (ready: boolean) => {
      socket.destroy();
      resolve(ready);
    };
    socket.setTimeout(ANSWER_MS_MAX, () => finish(false));
    socket.on("error", () => finish(false));
    socket.on("close", () => finish(false));
    socket.on("connect", () => socket.write(`AUTH ${password}\r\nPING\r\n`));
    socket.on("data", (bytes) => {
      answer += bytes.toString("latin1");
      if (answer.includes("+PONG")) finish(true);
      // -LOADING while the append-only file is read; -WRONGPASS when another process has the port.
      else if (answer.includes("-")) finish(false);
    });
  });
}
