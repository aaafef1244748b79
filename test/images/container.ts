import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type ImageConfig, readImageConfig } from "./image-config.js";
import { runcFlags, type Workshop } from "./workshop.js";

/** A folder of this machine in a container. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly writable?: boolean;
}

/** What to run of an image. */
export interface ContainerOptions {
  /** The image's name in the workshop. */
  readonly tag: string;
  /** Names the container; no two of one name at once. */
  readonly name: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly Mount[];
  /** What follows the image's entry point. */
  readonly args?: readonly string[];
  /** Instead of the image's entry point. */
  readonly entrypoint?: readonly string[];
}

/** A container that runs, or has ended. */
export interface Container extends AsyncDisposable {
  /** All that it has written so far. */
  output(): string;
  /** Resolves once it has written a line that holds `text`; throws when it ends before. */
  wrote(text: string): Promise<void>;
  /** Runs a program in it, as its user; what it writes comes as one text. */
  exec(...args: readonly string[]): Promise<{ readonly status: number | null; readonly output: string }>;
  /** Signals its first process. */
  signal(name: string): void;
  /** Its exit status, once it has ended. */
  readonly exited: Promise<number | null>;
}

/** Longer than a start on two busy cores takes. */
const WAIT_MS_MAX = 60_000;
const POLL_MS = 50;
/** A drain ends well within this. */
const STOP_MS_MAX = 30_000;

/**
 * Starts a container in runc as a strict Kubernetes pod would: the image's user and entry point, a root that cannot be
 * written to, process numbers of its own, no capability, no new privileges. Only the network is this machine's.
 */
export async function startContainer(workshop: Workshop, options: ContainerOptions): Promise<Container> {
  const { tag } = options;
  // runc names a container's cgroup after it, and those of another checkout's run must not meet.
  const name = `${options.name}-${process.pid}`;
  await workshop.buildah("from", "--pull-never", "--name", name, tag);
  const root = (await workshop.buildah("mount", name)).trim();
  const bundle = path.join(workshop.folder, "bundles", name);
  mkdirSync(bundle, { recursive: true });
  const config = await readImageConfig(workshop, tag);
  writeFileSync(path.join(bundle, "config.json"), JSON.stringify(runtimeConfig(root, config, options)));
  const runc = runcFlags(workshop.folder);
  const child = spawn("runc", [...runc, "run", "--bundle", bundle, name], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let written = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      written += text;
    });
  }
  let status: number | null | undefined;
  const exited = once(child, "close").then(([code]: (number | null)[]) => {
    status = code ?? null;
    return status;
  });
  const call = (...args: readonly string[]) => spawnSync("runc", [...runc, ...args]);
  return {
    exited,
    output: () => written,
    signal: (signal) => void call("kill", name, signal),
    exec: (...args) => runToEnd("runc", [...runc, "exec", name, ...args]),
    async wrote(text) {
      const deadline = performance.now() + WAIT_MS_MAX;
      while (!written.includes(text)) {
        if (status !== undefined || performance.now() > deadline) {
          throw new Error(`${name} has not written "${text}" (exit status ${status}):\n${written}`);
        }
        await delay(POLL_MS);
      }
    },
    async [Symbol.asyncDispose]() {
      if (status === undefined) call("kill", name, "SIGTERM");
      await Promise.race([exited, delay(STOP_MS_MAX, undefined, { ref: false })]);
      call("delete", "--force", name);
      await workshop.buildah("rm", name);
      rmSync(bundle, { recursive: true, force: true });
    },
  };
}

/** Not spawnSync(): a test's connections live on while it waits. */
async function runToEnd(
  program: string,
  args: readonly string[],
): Promise<{ status: number | null; output: string }> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [status]: (number | null)[] = await once(child, "close");
  return { status: status ?? null, output };
}

/** The container in the form of the OCI runtime specification, version 1.0. */
function runtimeConfig(root: string, config: ImageConfig, options: ContainerOptions): unknown {
  const [uid, gid] = config.User.split(":").map(Number);
  const none = { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] };
  return {
    ociVersion: "1.0.2",
    root: { path: root, readonly: true },
    hostname: options.name,
    process: {
      user: { uid, gid },
      args: [...(options.entrypoint ?? config.Entrypoint), ...(options.args ?? [])],
      env: [...config.Env, ...Object.entries(options.env ?? {}).map((entry) => entry.join("="))],
      cwd: config.WorkingDir,
      capabilities: none,
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
      { destination: "/dev/shm", type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "size=64m"] },
      ...(options.mounts ?? []).map(({ source, target, writable }) => ({
        destination: target,
        type: "bind",
        source,
        options: ["rbind", writable === true ? "rw" : "ro"],
      })),
    ],
    linux: {
      namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}
