import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { demoModelFolder } from "./demo-model-folder.js";

/** Recorded sums by path, in the form of sha256sum. */
function recordedSums(): Map<string, string> {
  const text = readFileSync(new URL("../model.sha256", import.meta.url), "utf8");
  const lines = text.trimEnd().split("\n");
  return new Map(lines.map((line): [string, string] => [line.slice(66), line.slice(0, 64)]));
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

describe("demoModelFolder()", () => {
  const sums = recordedSums();

  it("holds the recorded files and no other", () => {
    expect(filesOf(demoModelFolder())).toEqual([...sums.keys()].toSorted());
  });

  it.each([...sums])("holds %s byte for byte", (path, sum) => {
    const bytes = readFileSync(join(demoModelFolder(), path));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sum);
  });
});
