import { expect, test } from "vitest";
import type { Machine } from "../farm/machine.js";
import { ensureCluster } from "./cluster-tools.js";

/** A machine on which a build of Go brings what it names as its folder. */
function machineWith(files: readonly string[], builds: boolean) {
  const present = new Set(files);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: false,
    find: (program, folder) => [`${folder}/${program}`].find((file) => present.has(file)),
    say: (line) => calls.push(line),
    run(program, args) {
      calls.push([program, ...args].join(" "));
      const folder = args[args.indexOf("-o") + 1];
      if (builds) for (const name of ["kube-apiserver", "server"]) present.add(`${folder}${name}`);
      return builds;
    },
  };
  return { machine, calls };
}

test("ensureCluster() builds both programs once, in the module with their checksums, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/go"], true);
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
  const { machine, calls } = machineWith(["/bin/go", "/tools/cluster-v1.35.4/server"], true);
  ensureCluster(machine, "/root", "/tools");
  expect(calls).toHaveLength(2);
});

test("ensureCluster() says what is missing", () => {
  const ask = (files: readonly string[]) => () =>
    ensureCluster(machineWith(files, false).machine, "/root", "/tools");
  expect(ask([])).toThrow("go is not on the path");
  expect(ask(["/bin/go"])).toThrow("go build failed");
});
