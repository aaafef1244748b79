import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Machine } from "../farm/machine.js";

/** A program that Go builds from a pinned release of a module: a test that fails tomorrow fails for a reason of ours. */
export interface GoTool {
  /** What it is, in words, with its article: "an S3 server". */
  readonly what: string;
  readonly program: string;
  /** The package that holds its main function. */
  readonly module: string;
  readonly version: string;
}

/**
 * Finds a program that a run before has built, or builds it with Go after saying so; that takes a minute or two of the
 * machine, once.
 * @param toolsDir the folder that keeps it, below one that git ignores
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureGoTool(machine: Machine, toolsDir: string, tool: GoTool): string {
  const { what, program, module, version } = tool;
  const folder = join(toolsDir, `${program}-${version}`);
  const found = machine.find(program, folder);
  if (found !== undefined) return found;
  if (machine.find("go", machine.path) === undefined) {
    throw new FarmError(
      "file_unreadable",
      `Cannot run ${what} as ${program} is not built: go is not on the path, which builds it`,
    );
  }
  machine.say(`no ${program} found: building ${program} ${version} with go`);
  machine.run("env", [`GOBIN=${folder}`, "go", "install", `${module}@${version}`]);
  const built = machine.find(program, folder);
  if (built !== undefined) return built;
  throw new FarmError("file_unreadable", `Cannot run ${what} as go install failed: module is ${module}`);
}
