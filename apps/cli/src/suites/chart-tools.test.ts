import { expect, test } from "vitest";
import { ensureHelm, ensureHelmDocs, ensureKubeconform } from "./chart-tools.js";
import { machineWith } from "./testing/machine-with.js";

/** What go install brings: the program in the folder that its GOBIN names. */
function installedBy(call: string): readonly string[] {
  const [, folder, name] = /GOBIN=(\S+) .*\/([^/@]+)@/.exec(call) ?? [];
  return [`${folder}/${name}`];
}

test("the tools of the chart are built from pinned releases, once, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/go"], installedBy);
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
