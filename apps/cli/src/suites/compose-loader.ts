import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Machine } from "../farm/machine.js";
import { ROOT } from "../root.js";

/** The release of compose-go that `test/compose/load-compose` is built with, as its go.mod says. */
const VERSION = "v2.16.1";
const PROGRAM = "load-compose";
const SOURCE = join(ROOT, "test", "compose", "load-compose");

/**
 * Finds the program that loads compose files, or builds it with Go after saying so; that takes half a minute, once.
 * @param toolsDir the folder that keeps it, below one that git ignores
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureComposeLoader(machine: Machine, toolsDir: string): string {
  const folder = join(toolsDir, `compose-go-${VERSION}`);
  const found = machine.find(PROGRAM, folder);
  if (found !== undefined) return found;
  if (machine.find("go", machine.path) === undefined) {
    throw new FarmError(
      "file_unreadable",
      `Cannot check compose files as ${PROGRAM} is not built: go is not on the path, which builds it`,
    );
  }
  machine.say(`no ${PROGRAM} found: building it with go and compose-go ${VERSION}`);
  machine.run("go", ["-C", SOURCE, "build", "-o", join(folder, PROGRAM), "."]);
  const built = machine.find(PROGRAM, folder);
  if (built !== undefined) return built;
  throw new FarmError(
    "file_unreadable",
    `Cannot check compose files as go build failed: folder is ${SOURCE}`,
  );
}
