import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { FarmError } from "@latentfarm/contract";

/** Programs that speak Redis's protocol and take its configuration, in order of preference. */
const SERVERS: readonly string[] = ["redis-server", "valkey-server"];

/** What the search needs from the machine: parameters, so that tests can be any machine. */
export interface Machine {
  readonly path: string;
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** Runs a program to its end; true when it succeeded. */
  run(program: string, args: readonly string[]): boolean;
  find(program: string, path: string): string | undefined;
  say(line: string): void;
}

/** The first executable file of that name on a search path. */
export function findOnPath(program: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

/**
 * Finds a Redis server on the machine, or installs one by the system's package manager after saying so.
 * @throws {FarmError} queue_unavailable there is none and none can be installed; the message has the commands
 */
export function ensureRedis(machine: Machine): string {
  const found = findServer(machine);
  if (found !== undefined) return found;
  installRedis(machine);
  const installed = findServer(machine);
  if (installed !== undefined) return installed;
  throw new FarmError("queue_unavailable", adviceFor(machine.platform));
}

function findServer(machine: Machine): string | undefined {
  for (const server of SERVERS) {
    const path = machine.find(server, machine.path);
    if (path !== undefined) return path;
  }
  return undefined;
}

function installRedis(machine: Machine): void {
  if (machine.find("apt-get", machine.path) !== undefined) {
    const elevate = machine.isRoot ? [] : ["sudo", "-n"];
    if (!machine.isRoot && !(machine.find("sudo", machine.path) && machine.run("sudo", ["-n", "true"])))
      return;
    machine.say("no Redis found: installing redis-server with apt-get");
    // RUNLEVEL=1 keeps the package from starting a system service: the farm runs its own.
    const call = [...elevate, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"];
    const apt = (...args: string[]) => machine.run(call[0] ?? "env", [...call.slice(1), ...args]);
    // A machine whose package lists are fresh needs no update; one whose lists are absent does.
    const install = ["install", "-y", "--no-install-recommends", "redis-server"];
    if (!apt(...install)) void (apt("update") && apt(...install));
    return;
  }
  if (machine.find("brew", machine.path) !== undefined) {
    machine.say("no Redis found: installing redis with brew");
    machine.run("brew", ["install", "--quiet", "redis"]);
  }
}

function adviceFor(platform: NodeJS.Platform): string {
  const commands: Partial<Record<NodeJS.Platform, readonly string[]>> = {
    darwin: ["brew install redis"],
    win32: ["wsl --install, then ./farm inside it, since Redis has no Windows build"],
    linux: [
      "Debian, Ubuntu:  sudo apt-get install redis-server",
      "Fedora, RHEL:    sudo dnf install valkey",
      "Alpine:          sudo apk add valkey",
      "Arch:            sudo pacman -S valkey",
    ],
  };
  const lines = commands[platform] ?? ["install redis-server 6.2 or newer"];
  return [
    "Cannot start the queue as no Redis is found: redis-server and valkey-server are not on the path. Install one:",
    ...lines.map((line) => `  ${line}`),
    "or name a running one: FARM_REDIS_URL=redis://host:6379",
  ].join("\n");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
