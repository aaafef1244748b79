import { expect, test } from "vitest";
import { ensureCluster } from "./cluster-tools.js";
import { machineWith } from "./testing/machine-with.js";

/** What a build of Go brings: the programs in the folder that it names. */
function builtIn(call: string): readonly string[] {
  const folder = / -o (\S+) /.exec(call)?.[1];
  return ["kube-apiserver", "server"].map((name) => `${folder}${name}`);
}

test("ensureCluster() builds both programs once, in the module with their checksums, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/go"], builtIn);
  for (let round = 0; round < 2; round += 1)
    expect(ensureCluster(machine, "/root", "/tools")).toBe("/tools/cluster-v1.35.4");
  expect(calls).toEqual([
    "no kube-apiserver found: building kube-apiserver v1.35.4 and etcd with go, some minutes",
    expect.stringMatching(
      /^go -C \/root\/test\/cluster\/server build -trimpath .*gitVersion=v1\.35\.4 .* -o \/tools\/cluster-v1\.35\.4\/ k8s\.io\/kubernetes\/cmd\/kube-apiserver go\.etcd\.io\/etcd\/server\/v3$/,
    ),
  ]);
});

test("ensureCluster() builds anew when one of the programs is absent", () => {
  const { machine, calls } = machineWith(["/bin/go", "/tools/cluster-v1.35.4/server"], builtIn);
  ensureCluster(machine, "/root", "/tools");
  expect(calls).toHaveLength(2);
});

test("ensureCluster() says what is missing", () => {
  const ask = (files: readonly string[]) => () =>
    ensureCluster(machineWith(files).machine, "/root", "/tools");
  expect(ask([])).toThrow("go is not on the path");
  expect(ask(["/bin/go"])).toThrow("go build failed");
});
