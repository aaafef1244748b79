import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.js";

/** The servers that speak Redis's protocol, by preference. */
const SERVERS = ["redis-server", "valkey-server"] as const;
/** An empty Redis answers within milliseconds; loading a log on a loaded machine takes a little longer. */
const READY_TIMEOUT_MS = 15_000;
const READY_POLL_MS = 20;

/** A Redis of a test's own, on a free port of this machine. */
export interface RedisServer {
  readonly url: string;
  /** Ends it in order, its data written; nothing happens if it has ended. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  /** Thaws it. */
  resume(): void;
}

/** Where its data lies, whether it keeps an append-only file, and further settings by name. */
export interface RedisOptions {
  readonly dir: string;
  readonly aof: boolean;
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a Redis. Throws when there is no server on the path or it does not answer. */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  const binary = SERVERS.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (binary === undefined)
    throw new Error(`Cannot start Redis: none of ${SERVERS.join(", ")} is on the path`);
  await mkdir(options.dir, { recursive: true });
  const port = await freePort();
  let child = await spawnServer(binary, port, options);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: () => end(child, "SIGTERM"),
    kill: () => end(child, "SIGKILL"),
    async restart() {
      await end(child, "SIGTERM");
      child = await spawnServer(binary, port, options);
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}

async function spawnServer(binary: string, port: number, options: RedisOptions): Promise<ChildProcess> {
  const settings = {
    bind: "127.0.0.1",
    port: String(port),
    dir: options.dir,
    appendonly: options.aof ? "yes" : "no",
    // With everysec Redis puts off its write for up to 2 s while an earlier sync is under way, so that a kill on a busy
    // disk loses what was acknowledged: true of Redis, and nothing of the farm's that a test could find.
    appendfsync: "always",
    save: "",
    ...options.settings,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(binary, args, { stdio: "ignore" });
  const deadline = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error(`Cannot start ${binary}: no answer on port ${port}, exit code is ${child.exitCode}`);
    }
    await delay(READY_POLL_MS);
  }
  return child;
}

/** True when the server answers PING; while it loads its log it answers an error. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write("PING\r\n"));
    socket.once("data", (data) => {
      resolve(data.toString().startsWith("+PONG"));
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  child.kill("SIGCONT");
  await exited;
}
