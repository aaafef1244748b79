import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Machine } from "../farm/machine.js";

/** The release of Kubernetes that test/cluster/server/go.mod names. */
const VERSION = "v1.35.4";
/** What a cluster consists of as far as manifests go: the API server, and etcd, whose module calls it so. */
const PROGRAMS = ["kube-apiserver", "server"] as const;
const PACKAGES = ["k8s.io/kubernetes/cmd/kube-apiserver", "go.etcd.io/etcd/server/v3"] as const;

/** Small programs, and the version that helm asks the server for: Kubernetes' own build gives it this way. */
const LINKER_FLAGS: readonly string[] = [
  "-s",
  "-w",
  ...[`gitVersion=${VERSION}`, "gitMajor=1", "gitMinor=35"].map(
    (field) => `-X k8s.io/component-base/version.${field}`,
  ),
];

/**
 * Finds the folder of an API server and its etcd that a run before has built, or builds them with Go after saying so:
 * seven minutes of one core, once. `go install` takes no module with replacements, which Kubernetes' has, so they are
 * built in a module of ours, with the checksums of all that goes into them.
 * @throws {FarmError} file_unreadable they are not there and cannot be built
 */
export function ensureCluster(machine: Machine, root: string, toolsDir: string): string {
  const folder = join(toolsDir, `cluster-${VERSION}`);
  const isBuilt = () => PROGRAMS.every((program) => machine.find(program, folder) !== undefined);
  if (isBuilt()) return folder;
  if (machine.find("go", machine.path) === undefined) {
    throw new FarmError(
      "file_unreadable",
      "Cannot run a cluster's API server as it is not built: go is not on the path, which builds it",
    );
  }
  machine.say(`no kube-apiserver found: building kube-apiserver ${VERSION} and etcd with go, some minutes`);
  const flags = ["-trimpath", `-ldflags=${LINKER_FLAGS.join(" ")}`, "-o", `${folder}/`];
  machine.run("go", ["-C", join(root, "test", "cluster", "server"), "build", ...flags, ...PACKAGES]);
  if (isBuilt()) return folder;
  throw new FarmError(
    "file_unreadable",
    "Cannot run a cluster's API server as go build failed: module is test/cluster",
  );
}
