import { expect, test } from "vitest";
import type { Machine } from "../farm/machine.js";
import { ensureContainerTools } from "./container-tools.js";

/** A machine with some programs; apt-get adds what it is asked for where `installs` allows it. */
function machineWith(programs: readonly string[], traits: Partial<Machine> = {}, installs = false) {
  const present = new Set(programs);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: true,
    find: (program) => (present.has(program) ? `/bin/${program}` : undefined),
    say: () => undefined,
    run(program, args) {
      calls.push([program, ...args].join(" "));
      if (installs) present.add(args.at(-1) ?? "");
      return installs;
    },
    ...traits,
  };
  return { machine, calls };
}

test("ensureContainerTools() takes what is there and installs nothing then", () => {
  const { machine, calls } = machineWith(["buildah", "runc", "mmdebstrap", "apt-get"]);
  expect(ensureContainerTools(machine)).toBe("/bin/buildah");
  expect(calls).toEqual([]);
});

test("ensureContainerTools() installs each program that is absent", () => {
  const { machine, calls } = machineWith(["runc", "apt-get"], {}, true);
  expect(ensureContainerTools(machine)).toBe("/bin/buildah");
  expect(calls.map((call) => call.split(" ").at(-1))).toEqual(["buildah", "mmdebstrap"]);
});

test("ensureContainerTools() says what is missing", () => {
  const absent = () => ensureContainerTools(machineWith(["buildah", "runc", "apt-get"]).machine);
  expect(absent).toThrow("mmdebstrap is not on the path: apt-get install buildah runc mmdebstrap");
  const programs = ["buildah", "runc", "mmdebstrap"];
  const mac = () => ensureContainerTools(machineWith(programs, { platform: "darwin" }).machine);
  expect(mac).toThrow("platform is darwin");
  const user = () => ensureContainerTools(machineWith(programs, { isRoot: false }).machine);
  expect(user).toThrow("user is not root");
});
