import { spawnSync } from "node:child_process";
import { findOnPath, type Machine } from "./redis-binary.js";

/** Milliseconds that a package manager may take: a slow mirror, with room. */
const INSTALL_MS_MAX = 600_000;

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
