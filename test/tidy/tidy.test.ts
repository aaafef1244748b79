import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findCycles } from "./rules/cycles.js";
import { checkDocstrings, checkReadmes } from "./rules/docs.js";
import { checkDeclared, checkImports, relativeTargets } from "./rules/imports.js";
import { checkName } from "./rules/names.js";
import { findDeadFiles } from "./rules/reachability.js";
import { applyExemptions, type Exemption, findOversize } from "./rules/size.js";
import { checkSyntax } from "./rules/syntax.js";
import { type Finding, isTest } from "./source.js";
import { listTree, readSources, readWorkspaces } from "./tree.js";

const sources = readSources();
const workspaces = readWorkspaces();

/** Findings as lines of text, so that a failure lists them all. */
function report(findings: readonly Finding[]): string[] {
  return findings.map(({ path, line, message }) => `${path}:${line} ${message}`);
}

/** The ratchet file; its type is stated here because nobody but this suite reads it. */
function readExemptions(): Exemption[] {
  return JSON.parse(readFileSync(new URL("exemptions.json", import.meta.url), "utf8"));
}

test("the tree has the files that the rules are about", () => {
  expect(sources.length).toBeGreaterThan(20);
  expect(workspaces.length).toBeGreaterThan(5);
});

test("files and functions keep within their sizes, exemptions only shrink", () => {
  expect(report(applyExemptions(sources.flatMap(findOversize), readExemptions()))).toEqual([]);
});

test("imports follow the layers, the owners and the packages' exports", () => {
  expect(report(sources.flatMap(checkImports))).toEqual([]);
});

test("imports of packages are declared in package.json", () => {
  expect(report(sources.flatMap((source) => checkDeclared(source, workspaces)))).toEqual([]);
});

test("imports form no cycle between files", () => {
  const tree = new Map(sources.map((source) => [source.path, source]));
  const graph = new Map(sources.map((source) => [source.path, relativeTargets(source, tree)]));
  expect(findCycles(graph)).toEqual([]);
});

test("dependencies form no cycle between packages", () => {
  expect(findCycles(new Map(workspaces.map(({ name, dependencies }) => [name, dependencies])))).toEqual([]);
});

test("source keeps to the forms of the language that the house uses", () => {
  expect(report(sources.flatMap(checkSyntax))).toEqual([]);
});

test("every export has a docstring", () => {
  expect(report(sources.filter(({ path }) => !isTest(path)).flatMap(checkDocstrings))).toEqual([]);
});

test("every package has a README", () => {
  const folders = workspaces.map(({ folder }) => folder);
  expect(report(checkReadmes(folders, [...listTree("apps"), ...listTree("packages")]))).toEqual([]);
});

test("every file is reached from an entry", () => {
  expect(report(findDeadFiles(sources))).toEqual([]);
});

test("names say what a file holds", () => {
  expect(report(sources.flatMap(({ path }) => checkName(path)))).toEqual([]);
});
