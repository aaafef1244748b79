import { FarmError } from "@latentfarm/contract";
import { elevation, installPackage } from "./install-package.js";
import type { Machine } from "./machine.js";

/** Prometheus and the tool that checks its rules; Debian's package has both. */
const TOOLS: readonly string[] = ["prometheus", "promtool"];

/** The commands that install Prometheus, for whoever has none. */
export const PROMETHEUS_ADVICE: string = [
  "  Debian, Ubuntu:  sudo apt-get install prometheus",
  "  macOS:           brew install prometheus",
].join("\n");

/** The Prometheus of the machine, if it has one. */
export function findPrometheus(machine: Pick<Machine, "find" | "path">): string | undefined {
  const found = TOOLS.map((tool) => machine.find(tool, machine.path));
  return found.every((path) => path !== undefined) ? found[0] : undefined;
}

/**
 * Finds Prometheus with promtool, or installs them by the system's package manager after saying so.
 * @throws {FarmError} config_invalid there is none and none can be installed; the message has the commands
 */
export function ensurePrometheus(machine: Machine): string {
  const found = findPrometheus(machine);
  if (found !== undefined) return found;
  installPackage(machine, { what: "Prometheus", apt: "prometheus", brew: "prometheus" });
  const installed = findPrometheus(machine);
  if (installed === undefined) {
    const message = `Cannot check metrics as prometheus and promtool are not on the path. Install them:\n${PROMETHEUS_ADVICE}`;
    throw new FarmError("config_invalid", message);
  }
  stopService(machine);
  return installed;
}

/** Debian's package enables a service of its own, which a test run has not asked for; where systemd runs, it is ended. */
function stopService(machine: Machine): void {
  if (machine.find("systemctl", machine.path) === undefined) return;
  const [program = "systemctl", ...args] = [...(elevation(machine) ?? []), "systemctl"];
  machine.run(program, [...args, "disable", "--now", "--quiet", "prometheus"]);
}
