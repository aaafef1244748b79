import { expect, test } from "vitest";
import type { Machine } from "../farm/machine.js";
import { findTools } from "./tools.js";

/** A machine on which only the named programs are, and no package manager can help. */
function machineWith(...programs: readonly string[]): Machine & { readonly lookedFor: string[] } {
  const lookedFor: string[] = [];
  return {
    path: "/bin",
    platform: "linux",
    isRoot: false,
    lookedFor,
    run: () => false,
    say: () => undefined,
    find(program) {
      lookedFor.push(program);
      return programs.includes(program) ? `/bin/${program}` : undefined;
    },
  };
}

test("findTools() tells tests where a program lies and why another is absent", () => {
  const found = findTools(["s3", "prometheus"], machineWith("versitygw"));
  expect(found.environment).toEqual({ FARM_TEST_S3_SERVER: "/bin/versitygw" });
  expect([...found.problems.keys()]).toEqual(["prometheus"]);
  expect(found.problems.get("prometheus")).toContain("prometheus");
});

test("findTools() looks for what is asked for and nothing else, once", () => {
  const machine = machineWith("redis-server");
  findTools(["redis", "redis"], machine);
  expect(machine.lookedFor).toEqual(["redis-server"]);
});
