import { expect, test } from "vitest";
import { type LockFile, type Sbom, sbomProblems } from "./sbom.js";

const CHECKSUM = "ab".repeat(64);
const lock: LockFile = {
  packages: {
    "apps/gateway": { version: "0.1.0" },
    "node_modules/express": {
      version: "5.3.0",
      integrity: `sha512-${Buffer.from(CHECKSUM, "hex").toString("base64")}`,
    },
  },
};

/** A list with the farm's gateway and one module of others, which `changes` alter. */
function listWith(changes: Partial<Sbom["components"][number]> = {}): Sbom {
  const licenses = [{ license: { id: "MIT" } }];
  const express = { "bom-ref": "express@5.3.0", licenses, hashes: [{ alg: "SHA-512", content: CHECKSUM }] };
  return {
    components: [
      { "bom-ref": "@latentfarm/gateway@0.1.0", licenses },
      { ...express, ...changes },
    ],
  };
}

const installed = ["@latentfarm/gateway@0.1.0", "express@5.3.0"];

test("sbomProblems() finds none in a list that is true", () => {
  expect(sbomProblems(listWith(), lock, installed)).toEqual([]);
});

test.each([
  [
    "a part that is not locked",
    listWith({ "bom-ref": "express@5.3.1" }),
    "express@5.3.1 is not in the lock file",
  ],
  ["another checksum", listWith({ hashes: [{ alg: "SHA-512", content: "cd" }] }), "has another checksum"],
  ["no checksum", listWith({ hashes: [] }), "has another checksum"],
  ["no licence", listWith({ licenses: [] }), "express@5.3.0 has no licence"],
])("sbomProblems() finds %s", (_, list, problem) => {
  expect(sbomProblems(list, lock, [])).toEqual([expect.stringContaining(problem)]);
});

test("sbomProblems() finds a module that is installed and not listed", () => {
  const extra = sbomProblems(listWith(), lock, [...installed, "left-pad@1.3.0"]);
  expect(extra).toEqual(["left-pad@1.3.0 is installed and is no part"]);
});
