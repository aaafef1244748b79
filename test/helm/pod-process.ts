import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { REPOSITORY_ROOT } from "../harness/index.js";
import type { Container } from "./manifest.js";
import { asText, dig, digList, digText } from "./tree.js";

/** A cold start of a worker on two busy cores. */
const READY_MS_MAX = 60_000;
const POLL_MS = 100;

/** What stands on this machine for a text of the container's world: folders, names of services, ports. */
export type Translation = ReadonlyMap<string, string>;

/** What a container is run with here. */
export interface PodOptions {
  readonly container: Container;
  /** The app that the image's entrypoint runs, where the container names no command of its own. */
  readonly app?: string;
  readonly translation: Translation;
  /** Holds its log. */
  readonly dir: string;
}

/** A container of a pod that runs as a process of this machine, with nothing but its own environment. */
export interface PodProcess {
  readonly child: ChildProcess;
  /** Asks a probe once, as the kubelet does. */
  asks(probe: "startupProbe" | "livenessProbe" | "readinessProbe"): Promise<boolean>;
  /** Waits for the readiness probe. Throws when it does not succeed within a minute. */
  whenReady(): Promise<void>;
  /** Sends SIGTERM, and SIGKILL after the seconds that the pod has; gives the exit code. */
  stop(graceSeconds: number): Promise<number | null>;
}

/** Starts a container's process, its words and its environment translated. */
export function startPod(options: PodOptions): PodProcess {
  const { container, dir } = options;
  const output = openSync(path.join(dir, `${container.name}.log`), "a");
  const [program = "", ...args] = wordsOf(options);
  const child = spawn(program, args, { env: environmentHere(options), stdio: ["ignore", output, output] });
  closeSync(output);
  const asks: PodProcess["asks"] = (probe) => ask(dig(container.body, probe), options);
  return {
    child,
    asks,
    async whenReady() {
      const deadline = performance.now() + READY_MS_MAX;
      while (!(await asks("readinessProbe"))) {
        if (child.exitCode !== null || performance.now() > deadline)
          throw new Error(`${container.name} is not ready: exit code is ${child.exitCode}; see ${dir}`);
        await delay(POLL_MS);
      }
    },
    async stop(graceSeconds) {
      if (child.exitCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), graceSeconds * 1_000);
      await ended;
      clearTimeout(timer);
      return child.exitCode;
    },
  };
}

/** Runs words in a container to their end, as `kubectl exec` does. */
export function execInPod(options: PodOptions, words: readonly string[]) {
  const [program = "", ...args] = words.map((word) => translate(word, options.translation));
  return spawnSync(program, args, {
    cwd: REPOSITORY_ROOT,
    env: environmentHere(options),
    encoding: "utf8",
    timeout: READY_MS_MAX,
  });
}

function wordsOf({ container, app, translation }: PodOptions): readonly string[] {
  const named = digList(container.body, "command").map(String);
  const image =
    app === undefined ? [] : [process.execPath, path.join(REPOSITORY_ROOT, "apps", app, "dist", "main.js")];
  const words = [...(named.length > 0 ? named : image), ...digList(container.body, "args").map(String)];
  return words.map((word) => translate(word, translation));
}

function environmentHere({ container, translation }: PodOptions): Record<string, string> {
  const own = digList(container.body, "env").map((one) => [
    digText(one, "name"),
    // A worker's cores are one here; nothing else of a trial comes from elsewhere.
    dig(one, "valueFrom") === undefined ? translate(digText(one, "value"), translation) : "1",
  ]);
  return { PATH: process.env.PATH ?? "", ...Object.fromEntries(own) };
}

/** A text that is a port is translated as a whole, so that it is found in no other number. */
function translate(text: string, translation: Translation): string {
  const whole = translation.get(text);
  if (whole !== undefined) return whole;
  return [...translation].reduce(
    (result, [there, here]) => (/^\d+$/.test(there) ? result : result.replaceAll(there, here)),
    text,
  );
}

async function ask(probe: unknown, options: PodOptions): Promise<boolean> {
  const command = digList(probe, "exec.command").map((word) => translate(String(word), options.translation));
  if (command.length > 0) return spawnSync(command[0] ?? "", command.slice(1)).status === 0;
  const name = asText(dig(probe, "httpGet.port"));
  const port = digList(options.container.body, "ports").find((one) => digText(one, "name") === name);
  const number = translate(String(dig(port, "containerPort")), options.translation);
  try {
    return (await fetch(`http://127.0.0.1:${number}${digText(probe, "httpGet.path")}`)).ok;
  } catch {
    return false;
  }
}
