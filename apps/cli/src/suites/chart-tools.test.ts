import { expect, test } from "vitest";
import type { Machine } from "../farm/machine.js";
import { ensureHelm, ensureHelmDocs, ensureKubeconform } from "./chart-tools.js";

/** A machine with Go, whose go install brings what its GOBIN names. */
function goMachine() {
  const present = new Set(["/bin/go"]);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: false,
    find: (program, folder) => [`${folder}/${program}`].find((path) => present.has(path)),
    say: (line) => calls.push(line),
    run(program, args) {
      calls.push([program, ...args].join(" "));
      const [, folder, name] = /GOBIN=(\S+) .*\/([^/@]+)@/.exec(args.join(" ")) ?? [];
      present.add(`${folder}/${name}`);
      return true;
    },
  };
  return { machine, calls };
}

test("the tools of the chart are built from pinned releases, once, after saying so", () => {
  const { machine, calls } = goMachine();
  for (let round = 0; round < 2; round += 1) {
    expect(ensureHelm(machine, "/tools")).toBe("/tools/helm-v3.22.0/helm");
    expect(ensureKubeconform(machine, "/tools")).toBe("/tools/kubeconform-v0.8.0/kubeconform");
    expect(ensureHelmDocs(machine, "/tools")).toBe("/tools/helm-docs-v1.14.2/helm-docs");
  }
  expect(calls).toEqual([
    "no helm found: building helm v3.22.0 with go",
    "env GOBIN=/tools/helm-v3.22.0 go install helm.sh/helm/v3/cmd/helm@v3.22.0",
    "no kubeconform found: building kubeconform v0.8.0 with go",
    "env GOBIN=/tools/kubeconform-v0.8.0 go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
    "no helm-docs found: building helm-docs v1.14.2 with go",
    "env GOBIN=/tools/helm-docs-v1.14.2 go install github.com/norwoodj/helm-docs/cmd/helm-docs@v1.14.2",
  ]);
});
