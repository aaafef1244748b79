import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Milliseconds that a package manager may take: a slow mirror, with room. */
const INSTALL_MS_MAX = 600_000;

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

/** This machine. The output of what it runs is shown only when it fails. */
export function thisMachine(path: string, say: (line: string) => void): Machine {
  return {
    path,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    find: findOnPath,
    say,
    run(program, args) {
      const result = spawnSync(program, args, { encoding: "utf8", timeout: INSTALL_MS_MAX, stdio: "pipe" });
      if (result.status !== 0 && result.stderr) say(result.stderr.trimEnd());
      return result.status === 0;
    },
  };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
