import { FarmError } from "@latentfarm/contract";
import { installPackage } from "./install-package.js";
import type { Machine } from "./machine.js";

/** Programs that speak Redis's protocol and take its configuration, in order of preference. */
const SERVERS: readonly string[] = ["redis-server", "valkey-server"];

/**
 * Finds a Redis server on the machine, or installs one by the system's package manager after saying so.
 * @throws {FarmError} queue_unavailable there is none and none can be installed; the message has the commands
 */
export function ensureRedis(machine: Machine): string {
  const found = findServer(machine);
  if (found !== undefined) return found;
  installPackage(machine, { what: "Redis", apt: "redis-server", brew: "redis" });
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
