import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../root.js";
import { ensureComposeLoader } from "./compose-loader.js";
import { machineWith } from "./testing/machine-with.js";

const LOADER = "/tools/compose-go-v2.16.1/load-compose";
const SOURCE = join(ROOT, "test", "compose", "load-compose");

test("ensureComposeLoader() takes the program that is built, and builds none then", () => {
  const { machine, calls } = machineWith([LOADER]);
  expect(ensureComposeLoader(machine, "/tools")).toBe(LOADER);
  expect(calls).toEqual([]);
});

test("ensureComposeLoader() builds it with go, after saying so", () => {
  const { machine, calls } = machineWith(["/bin/go"], () => [LOADER]);
  expect(ensureComposeLoader(machine, "/tools")).toBe(LOADER);
  expect(calls).toEqual([
    "no load-compose found: building it with go and compose-go v2.16.1",
    `go -C ${SOURCE} build -o ${LOADER} .`,
  ]);
});

test("ensureComposeLoader() says what is missing", () => {
  expect(() => ensureComposeLoader(machineWith([]).machine, "/tools")).toThrow("go is not on the path");
  expect(() => ensureComposeLoader(machineWith(["/bin/go"]).machine, "/tools")).toThrow("go build failed");
});

test("ensureComposeLoader() names the release that go.mod pins", () => {
  expect(readFileSync(join(SOURCE, "go.mod"), "utf8")).toContain("compose-go/v2 v2.16.1\n");
});
