import { FarmError } from "@latentfarm/contract";
import { installPackage } from "../farm/install-package.js";
import type { Machine } from "../farm/machine.js";

/**
 * What builds images and runs them without a Docker engine: Buildah builds, runc runs as it does under Kubernetes, and
 * mmdebstrap makes the Debian that stands in for the base image, since no image registry may be in reach. Debian's
 * packages have the programs' names.
 */
const PROGRAMS: readonly string[] = ["buildah", "runc", "mmdebstrap"];

/**
 * Finds the programs that build and run images, or installs them by apt-get after saying so.
 * @returns the path of Buildah
 * @throws {FarmError} config_invalid this is no Linux, its user is not root, or a program can not be installed
 */
export function ensureContainerTools(machine: Machine): string {
  if (machine.platform !== "linux" || !machine.isRoot) {
    const who = machine.isRoot ? "root" : "not root";
    throw new FarmError(
      "config_invalid",
      `Cannot build images without Linux and root: platform is ${machine.platform}, user is ${who}`,
    );
  }
  const paths = PROGRAMS.map((program) => {
    if (machine.find(program, machine.path) === undefined) {
      installPackage(machine, { what: program, apt: program, brew: program });
    }
    const found = machine.find(program, machine.path);
    if (found !== undefined) return found;
    const how = `apt-get install ${PROGRAMS.join(" ")}`;
    throw new FarmError("config_invalid", `Cannot build images as ${program} is not on the path: ${how}`);
  });
  return paths[0] ?? "";
}
