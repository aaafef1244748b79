import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Machine } from "../farm/machine.js";

/**
 * The S3 server that tests run: Versity's gateway on a folder, which checks signatures and checksums, honours
 * conditions and is maintained. A release that is pinned: a test that fails tomorrow fails for a reason of ours.
 */
const VERSION = "v1.8.0";
const MODULE = "github.com/versity/versitygw/cmd/versitygw";
const PROGRAM = "versitygw";

/**
 * Finds the S3 server that a run before has built, or builds it with Go after saying so; that takes two minutes of
 * one core, once.
 * @param toolsDir the folder that keeps it, below one that git ignores
 * @throws {FarmError} file_unreadable there is none and none can be built
 */
export function ensureS3Server(machine: Machine, toolsDir: string): string {
  const folder = join(toolsDir, `${PROGRAM}-${VERSION}`);
  const found = machine.find(PROGRAM, folder);
  if (found !== undefined) return found;
  if (machine.find("go", machine.path) === undefined) {
    throw new FarmError(
      "file_unreadable",
      `Cannot run an S3 server as ${PROGRAM} is not built: go is not on the path, which builds it`,
    );
  }
  machine.say(`no S3 server found: building ${PROGRAM} ${VERSION} with go`);
  machine.run("env", [`GOBIN=${folder}`, "go", "install", `${MODULE}@${VERSION}`]);
  const built = machine.find(PROGRAM, folder);
  if (built !== undefined) return built;
  throw new FarmError("file_unreadable", `Cannot run an S3 server as go install failed: module is ${MODULE}`);
}
