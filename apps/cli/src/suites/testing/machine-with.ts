import type { Machine } from "../../farm/machine.js";

/** A machine of a test, and what was said and run on it, in order. */
export interface WatchedMachine {
  readonly machine: Machine;
  readonly calls: readonly string[];
}

/**
 * A machine with some files.
 * @param brings the files that a command line adds; every command fails when absent
 */
export function machineWith(
  files: readonly string[],
  brings?: (call: string) => readonly string[],
): WatchedMachine {
  const present = new Set(files);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: false,
    find: (program, folder) => [`${folder}/${program}`].find((file) => present.has(file)),
    say: (line) => calls.push(line),
    run(program, args) {
      const call = [program, ...args].join(" ");
      calls.push(call);
      for (const file of brings?.(call) ?? []) present.add(file);
      return brings !== undefined;
    },
  };
  return { machine, calls };
}
