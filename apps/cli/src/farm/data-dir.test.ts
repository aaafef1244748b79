import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { prepareDataDir } from "./data-dir.js";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "latentfarm-data-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("prepareDataDir() makes a folder with its parents, and takes one that is there", () => {
  const path = join(dir, "a", "b");
  prepareDataDir(path);
  prepareDataDir(path);
  expect(statSync(path).isDirectory()).toBe(true);
});

test("prepareDataDir() refuses a file, a folder in a file and a folder that takes no entries", () => {
  const file = join(dir, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "a"), "/proc/latentfarm", "/proc/latentfarm/a"]) {
    expect(() => prepareDataDir(path)).toThrow(`Cannot keep data in ${path}`);
  }
});
