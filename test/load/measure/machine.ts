import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import path from "node:path";
import { REPOSITORY_ROOT } from "../../harness/index.js";

/** Where and on what a benchmark ran. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly onnxruntime: string;
  /** Short commit; "+" behind it when the tree had changes. */
  readonly commit: string;
  readonly date: string;
  /** Processes that ran or waited, on average over the minute before the start: other work on the machine. */
  readonly loadBefore: number;
}

/** Describes this machine and the tree that is measured. Call it before the work starts. */
export function describeMachine(): Machine {
  const manifest = path.join(REPOSITORY_ROOT, "node_modules", "onnxruntime-node", "package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string }; // npm's own file
  const changed = git("status", "--porcelain", "--untracked-files=no") !== "";
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    onnxruntime: version,
    commit: `${git("rev-parse", "--short", "HEAD") || "unknown"}${changed ? "+" : ""}`,
    date: new Date().toISOString(),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

function git(...args: string[]): string {
  const result = spawnSync("git", args, { cwd: REPOSITORY_ROOT, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : "";
}
