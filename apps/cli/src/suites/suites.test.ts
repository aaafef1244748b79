import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../root.js";
import { SUITES, wholeRun } from "./suites.js";

/** Test files below a folder, as paths from the root. */
function testFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === "node_modules" || entry.name === "dist" || entry.name.startsWith(".")) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return entry.name.endsWith(".test.ts") ? [relative(ROOT, path)] : [];
  });
}

test("SUITES covers every test file of the project", () => {
  const files = testFiles(ROOT);
  const folders = SUITES.flatMap((suite) => suite.folders);
  const homeless = files.filter((file) => !folders.some((folder) => file.startsWith(`${folder}/`)));
  expect(files.length).toBeGreaterThan(50);
  expect([...new Set(homeless.map(dirname))]).toEqual([]);
});

test("SUITES has in the engine's suite what compares it with the reference", () => {
  const engine = SUITES.find(({ name }) => name === "engine");
  expect(engine?.folders).toEqual(["packages/engine", "packages/sampling", "test/reference", "test/engine"]);
});

test("wholeRun() runs each folder once and every folder but those of suites that run only by name", () => {
  const all = wholeRun();
  const engine = all.find(({ name }) => name === "engine");
  expect(engine?.folders).toEqual(["test/engine"]);
  const named = SUITES.filter(({ onlyByName }) => !onlyByName);
  expect(all.map(({ name }) => name)).toEqual(named.map(({ name }) => name));
  expect(SUITES.filter(({ onlyByName }) => onlyByName).map(({ name }) => name)).toEqual(["cluster", "soak"]);
  const folders = all.flatMap((suite) => suite.folders);
  for (const folder of named.flatMap((suite) => suite.folders)) {
    expect(folders.filter((other) => `${folder}/`.startsWith(`${other}/`))).toHaveLength(1);
  }
});
