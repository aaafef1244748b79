import type { Machine } from "./machine.js";

/** What a program is called by the package managers that are known. */
export interface PackageNames {
  /** What is missing, in words. */
  readonly what: string;
  readonly apt: string;
  readonly brew: string;
}

/**
 * Installs a package by apt-get or brew, after saying so; does nothing on a machine with neither, or where apt-get would
 * ask for a password.
 */
export function installPackage(machine: Machine, { what, apt, brew }: PackageNames): void {
  if (machine.find("apt-get", machine.path) !== undefined) {
    const elevate = elevation(machine);
    if (elevate === undefined) return;
    machine.say(`no ${what} found: installing ${apt} with apt-get`);
    // RUNLEVEL=1 keeps the package from starting a system service: the farm runs its own.
    const call = [...elevate, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"];
    const run = (...args: string[]) => machine.run(call[0] ?? "env", [...call.slice(1), ...args]);
    // A machine whose package lists are fresh needs no update; one whose lists are absent does.
    const install = ["install", "-y", "--no-install-recommends", apt];
    if (!run(...install)) void (run("update") && run(...install));
    return;
  }
  if (machine.find("brew", machine.path) !== undefined) {
    machine.say(`no ${what} found: installing ${brew} with brew`);
    machine.run("brew", ["install", "--quiet", brew]);
  }
}

/** What stands before a command of the superuser; undefined where it would ask for a password. */
export function elevation(machine: Machine): readonly string[] | undefined {
  if (machine.isRoot) return [];
  const isFree = machine.find("sudo", machine.path) !== undefined && machine.run("sudo", ["-n", "true"]);
  return isFree ? ["sudo", "-n"] : undefined;
}
