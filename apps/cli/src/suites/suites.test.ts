import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../root.js";
import { SUITES } from "./suites.js";

test("SUITES covers every test file of the project", () => {
  const files = execFileSync("git", ["ls-files", "*.test.ts"], { cwd: ROOT, encoding: "utf8" })
    .trim()
    .split("\n");
  const folders = SUITES.flatMap((suite) => suite.folders);
  const homeless = files.filter((file) => !folders.some((folder) => file.startsWith(`${folder}/`)));
  expect(files.length).toBeGreaterThan(50);
  expect([...new Set(homeless.map(dirname))]).toEqual([]);
});
