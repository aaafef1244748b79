import { expect, test } from "vitest";
import type { Machine } from "./machine.js";
import { ensurePrometheus, findPrometheus } from "./prometheus-binary.js";

/** A machine with some programs, where apt-get installs Prometheus if it may. */
function machineWith(programs: readonly string[], installs: boolean) {
  const present = new Set(programs);
  const calls: string[] = [];
  const machine: Machine = {
    path: "/bin",
    platform: "linux",
    isRoot: true,
    find: (program) => (present.has(program) ? `/bin/${program}` : undefined),
    say: (line) => calls.push(`says ${line}`),
    run(program, args) {
      calls.push([program, ...args].join(" "));
      if (installs && args.includes("install"))
        for (const tool of ["prometheus", "promtool"]) present.add(tool);
      return installs;
    },
  };
  return { machine, calls };
}

test("findPrometheus() wants promtool too", () => {
  expect(findPrometheus(machineWith(["prometheus"], false).machine)).toBeUndefined();
  expect(findPrometheus(machineWith(["prometheus", "promtool"], false).machine)).toBe("/bin/prometheus");
});

test("ensurePrometheus() installs nothing where both are", () => {
  const { machine, calls } = machineWith(["prometheus", "promtool", "apt-get"], true);
  expect(ensurePrometheus(machine)).toBe("/bin/prometheus");
  expect(calls).toEqual([]);
});

test("ensurePrometheus() installs with apt-get and ends the service that the package starts", () => {
  const { machine, calls } = machineWith(["apt-get", "systemctl"], true);
  expect(ensurePrometheus(machine)).toBe("/bin/prometheus");
  expect(calls[0]).toContain("installing prometheus with apt-get");
  expect(calls[1]).toContain("RUNLEVEL=1 apt-get -qq install -y --no-install-recommends prometheus");
  expect(calls[2]).toBe("systemctl disable --now --quiet prometheus");
});

test("ensurePrometheus() gives the commands when it cannot install", () => {
  expect(() => ensurePrometheus(machineWith([], false).machine)).toThrow("sudo apt-get install prometheus");
  expect(() => ensurePrometheus(machineWith(["apt-get"], false).machine)).toThrow("brew install prometheus");
});
