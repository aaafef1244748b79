import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { REPOSITORY_ROOT } from "../harness/index.js";
import type { Service } from "./compose-model.js";
import { secondsOf } from "./compose-rules.js";

/** Milliseconds until a health check must succeed: a cold start of a worker on two busy cores. */
const HEALTHY_MS_MAX = 60_000;
const POLL_MS = 200;
const MS_PER_SECOND = 1_000;

/** What of the containers' world stands for what on this machine: longest texts first. */
export type Translation = ReadonlyMap<string, string>;

/** The app that an image's entrypoint runs. Source: infra/docker/Dockerfile. */
const APPS: Readonly<Record<string, string>> = {
  gateway: "gateway",
  "worker-cpu": "worker",
  courier: "courier",
  cli: "cli",
};

/** A service of a compose file that runs as a process of this machine, with its own flags and environment. */
export interface ContainerProcess {
  /** Runs its health check until it succeeds. Throws when it does not within a minute, or the process has ended. */
  whenHealthy(): Promise<void>;
  /** Ends it as Docker does, with SIGKILL after its grace period, and gives the exit code; null when it was killed. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** What a service is run with here. */
export interface ContainerOptions {
  readonly name: string;
  readonly service: Service;
  readonly translation: Translation;
  /** Holds its log, and is its working folder. */
  readonly dir: string;
  /** Words after its command's, such as the port that a test needs. */
  readonly more?: readonly string[];
}

/** Starts a service as its container would: entrypoint and command with nothing but its own environment. */
export function startContainer(options: ContainerOptions): ContainerProcess {
  const { name, service, translation, dir } = options;
  mkdirSync(dir, { recursive: true });
  const log = path.join(dir, `${name}.log`);
  const output = openSync(log, "a");
  const [program = "", ...args] = words(options);
  const env = environmentOf(service, translation);
  const child = spawn(program, args, { cwd: dir, env, stdio: ["ignore", output, output] });
  closeSync(output);
  return {
    whenHealthy: () => whenHealthy(child, options, log),
    async stop() {
      const graceMs = secondsOf(service.stop_grace_period) * MS_PER_SECOND;
      const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await end(child, "SIGTERM");
      clearTimeout(timer);
      return child.exitCode;
    },
    kill: () => end(child, "SIGKILL"),
  };
}

/** Runs a service to its end, as `docker compose run --rm NAME WORDS` does, and gives what it printed. */
export function runContainer(options: ContainerOptions): {
  stdout: string;
  stderr: string;
  status: number | null;
} {
  const [program = "", ...args] = words(options);
  const env = environmentOf(options.service, options.translation);
  return spawnSync(program, args, { cwd: options.dir, env, encoding: "utf8", timeout: HEALTHY_MS_MAX });
}

function words({ name, service, translation, more = [] }: ContainerOptions): string[] {
  const app = APPS[name];
  const image =
    app === undefined ? [] : [process.execPath, path.join(REPOSITORY_ROOT, "apps", app, "dist/main.js")];
  const own = [...(service.entrypoint ?? image), ...(service.command ?? [])];
  return [...own.map((word) => translate(word, translation)), ...more];
}

function environmentOf(service: Service, translation: Translation): Record<string, string> {
  const own = Object.entries(service.environment ?? {}).map(([name, value]) => [
    name,
    translate(value, translation),
  ]);
  return { PATH: process.env.PATH ?? "", ...Object.fromEntries(own) };
}

function translate(text: string, translation: Translation): string {
  return [...translation].reduce((result, [there, here]) => result.replaceAll(there, here), text);
}

async function whenHealthy(child: ChildProcess, options: ContainerOptions, log: string): Promise<void> {
  const [kind, ...check] = (options.service.healthcheck?.test ?? []).map((word) =>
    translate(word, options.translation),
  );
  const [program = "", ...args] = kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...check] : check;
  const env = environmentOf(options.service, options.translation);
  const deadline = performance.now() + HEALTHY_MS_MAX;
  while (spawnSync(program, args, { env, timeout: HEALTHY_MS_MAX }).status !== 0) {
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error(`${options.name} is not healthy: exit code is ${child.exitCode}; see ${log}`);
    await delay(POLL_MS);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}
