import { describe, expect, test } from "vitest";
import { type Finding, parseSource } from "../source.js";
import { findCycles } from "./cycles.js";
import { checkDocstrings, checkReadmes } from "./docs.js";
import { checkDeclared, checkImports, relativeTargets } from "./imports.js";
import { checkName } from "./names.js";
import { findDeadFiles } from "./reachability.js";
import { applyExemptions, FILE_LINES_MAX, FUNCTION_LINES_MAX, findOversize } from "./size.js";
import { checkSyntax } from "./syntax.js";

const messages = (findings: readonly Finding[]) => findings.map(({ message }) => message);
const syntax = (path: string, text: string) => messages(checkSyntax(parseSource(path, text)));
const imports = (path: string, text: string) => messages(checkImports(parseSource(path, text)));
const docs = (text: string) => messages(checkDocstrings(parseSource("packages/queue/src/x.ts", text)));

/** A function declaration that spans exactly so many lines. */
function functionOf(lines: number): string {
  return `function long() {\n${"  1;\n".repeat(lines - 2)}}\n`;
}

describe("findOversize()", () => {
  const places = (text: string) =>
    findOversize(parseSource("a.ts", text)).map(({ place, lines }) => [place, lines]);

  test("findOversize() accepts a file at the limit and names one above it", () => {
    expect(places("1;\n".repeat(FILE_LINES_MAX))).toEqual([]);
    expect(places("1;\n".repeat(FILE_LINES_MAX + 1))).toEqual([["a.ts", FILE_LINES_MAX + 1]]);
  });

  test("findOversize() accepts a function at the limit and names one above it", () => {
    expect(places(functionOf(FUNCTION_LINES_MAX))).toEqual([]);
    expect(places(functionOf(FUNCTION_LINES_MAX + 1))).toEqual([["a.ts#long", FUNCTION_LINES_MAX + 1]]);
  });

  test("findOversize() names arrow functions and methods, and passes over describe()", () => {
    const body = `{\n${"1;\n".repeat(FUNCTION_LINES_MAX)}}`;
    expect(places(`const arrow = () => ${body};`)).toEqual([["a.ts#arrow", FUNCTION_LINES_MAX + 2]]);
    expect(places(`class A { method() ${body} }`)).toEqual([["a.ts#method", FUNCTION_LINES_MAX + 2]]);
    expect(places(`describe("a", () => ${body});`)).toEqual([]);
    expect(places(`test("a", () => ${body});`)).toEqual([["a.ts#(anonymous)", FUNCTION_LINES_MAX + 2]]);
  });
});

describe("applyExemptions()", () => {
  const oversize = findOversize(parseSource("a.ts", functionOf(80)));
  const exempt = (lines: number, reason = "a table", place = "a.ts#long") =>
    messages(applyExemptions(oversize, [{ place, lines, reason }]));

  test("applyExemptions() fails what is oversize and not exempt", () => {
    expect(messages(applyExemptions(oversize, []))).toEqual(["function long has 80 lines, limit is 70"]);
  });

  test("applyExemptions() accepts the exact number and fails growth", () => {
    expect(exempt(80)).toEqual([]);
    expect(exempt(79)).toEqual(["function long has 80 lines, limit is 70"]);
  });

  test("applyExemptions() fails stale entries and entries without a reason", () => {
    expect(exempt(81)).toHaveLength(1);
    expect(exempt(81)[0]).toContain("lower or remove it");
    expect(exempt(80, "a table", "gone.ts")).toHaveLength(2);
    expect(exempt(80, " ")).toEqual(["entry a.ts#long gives no reason"]);
  });
});

describe("checkSyntax()", () => {
  const path = "packages/queue/src/x.ts";
  test.each([
    ["const a: any = 1;", "type any"],
    ["function f(a: Array<any>) {}", "type any"],
    ["// @ts-ignore\nlet a = 1;", "not silenced"],
    ["// @ts-nocheck", "not silenced"],
    ["export default 1;", "default exports"],
    ["const a = 1;\nexport { a as default };", "default exports"],
    ['export * from "./a.js";', "export *"],
    ['export * as a from "./a.js";', "export *"],
    ["console.log(1);", "console"],
    ["const a = process.env.HOME;", "process.env"],
    ['const a = process["env"];', "process.env"],
    ["@seal class A {}", "decorators"],
    ["// FIXME: later", "tag FIXME"],
    ["// TODO later", "tag TODO"],
  ])("checkSyntax() rejects %j", (text, message) => {
    expect(syntax(path, text)).toEqual([expect.stringContaining(message)]);
  });

  test("checkSyntax() accepts the forms that the house uses", () => {
    expect(
      syntax(path, 'export const a: unknown = "any"; // NOTE: any, console.log, process.env in words'),
    ).toEqual([]);
  });

  test("checkSyntax() accepts the environment and the console where they belong", () => {
    expect(syntax("apps/cli/src/config/env.ts", "process.env; console.log(1);")).toEqual([]);
    expect(syntax("test/load/a.ts", "process.env; console.log(1);")).toEqual([]);
    expect(syntax("apps/worker/src/config.ts", "process.env;")).toHaveLength(1);
    expect(syntax("apps/worker/src/main.ts", "console.log(1);")).toHaveLength(1);
    expect(syntax("vitest.config.ts", "export default 1;")).toEqual([]);
  });
});

describe("checkDocstrings()", () => {
  test.each([
    ["export function f() {}", "f"],
    ["export const a = 1;", "a"],
    ["// a line\nexport class A {}", "A"],
    ["/* a block */\nexport interface A {}", "A"],
    ["/** */\nexport type A = 1;", "A"],
    ["/** Far away. */\nlet b;\nexport type A = 1;", "A"],
    ["const a = 1;\nexport { a };", "a"],
  ])("checkDocstrings() rejects %j", (text, name) => {
    expect(docs(text)).toEqual([`export ${name} has no docstring`]);
  });

  test.each([
    "/** What. */\nexport function f() {}",
    "/** What. */\nconst a = 1;\nexport { a };",
    'export { a } from "./a.js";',
    "export {};",
    "/** What. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: number) { return a; }",
  ])("checkDocstrings() accepts %j", (text) => {
    expect(docs(text)).toEqual([]);
  });

  test("checkReadmes() names packages without one", () => {
    const findings = checkReadmes(
      ["packages/a", "packages/b"],
      ["packages/a/README.md", "packages/b/src/README.md"],
    );
    expect(findings.map(({ path }) => path)).toEqual(["packages/b"]);
  });
});

describe("checkImports()", () => {
  test.each([
    [
      "packages/contract/src/a.ts",
      'import "@latentfarm/telemetry";',
      "contract (contract) imports telemetry (floor)",
    ],
    ["packages/engine/src/a.ts", 'import "@latentfarm/queue";', "engine (model) imports queue (service)"],
    ["packages/queue/src/a.ts", 'import "@latentfarm/engine";', "queue (service) imports engine (model)"],
    [
      "packages/queue/src/a.ts",
      'import type { A } from "@latentfarm/worker";',
      "queue (service) imports worker (app)",
    ],
    ["apps/worker/src/a.ts", 'import "@latentfarm/gateway";', "worker (app) imports gateway (app)"],
    ["apps/cli/src/a.ts", 'import "@contentauth/c2pa-wasm";', "is used only in image"],
    ["packages/queue/src/a.ts", 'import "@latentfarm/queue";', "imports itself by name"],
    ["packages/queue/src/a.ts", 'import "@latentfarm/novel";', "package novel has no layer"],
    ["packages/novel/src/a.ts", 'import "@latentfarm/queue";', "package novel has no layer"],
    ["apps/worker/src/a.ts", 'import "@latentfarm/queue/src/farm.js";', "past the package's exports"],
    [
      "apps/worker/src/a.ts",
      'export { a } from "../../../packages/queue/src/a.js";',
      "past the package's exports",
    ],
    ["test/e2e/a.ts", 'import "@latentfarm/queue/dist/farm.js";', "past the package's exports"],
    ["test/e2e/a.ts", 'import "../../packages/queue/src/farm.js";', "past the package's exports"],
    ["packages/queue/src/a.ts", 'await import("../../engine/src/a.js");', "past the package's exports"],
    ["packages/queue/src/a.ts", 'import "./b";', "does not end in .js"],
    ["packages/storage/src/a.ts", 'import express from "express";', "express is used only in gateway"],
    ["apps/gateway/src/a.ts", 'import { Queue } from "bullmq";', "bullmq is used only in queue"],
    ["apps/gateway/src/a.ts", 'import { z } from "zod/v4";', "zod is used only in contract"],
    [
      "packages/engine/src/a.ts",
      'import "@huggingface/tokenizers";',
      "@huggingface/tokenizers is used only in sd35",
    ],
    ["apps/worker/src/a.ts", 'await import("sharp");', "sharp is used only in image"],
  ])("checkImports() rejects in %s: %s", (path, text, message) => {
    expect(imports(path, text)).toEqual([expect.stringContaining(message)]);
  });

  test("checkImports() accepts what the layers allow", () => {
    expect(
      imports("apps/worker/src/a.ts", 'import "@latentfarm/queue"; import "@latentfarm/engine";'),
    ).toEqual([]);
    expect(
      imports("packages/engine/src/a.ts", 'import "onnxruntime-node"; import "@latentfarm/sd35";'),
    ).toEqual([]);
    expect(imports("packages/queue/src/a/b.ts", 'import "../c.js"; import "node:fs";')).toEqual([]);
  });

  test("checkDeclared() names an import that package.json does not list", () => {
    const workspaces = [{ folder: "packages/queue", name: "@latentfarm/queue", dependencies: ["bullmq"] }];
    const source = parseSource(
      "packages/queue/src/a.ts",
      'import "bullmq"; import "ioredis"; import "node:fs";',
    );
    expect(messages(checkDeclared(source, workspaces))).toEqual([
      "ioredis is not in packages/queue/package.json",
    ]);
  });
});

test("findCycles() finds a cycle of any length and none in a diamond", () => {
  const graph = (arrows: Record<string, string[]>) => findCycles(new Map(Object.entries(arrows)));
  expect(graph({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })).toEqual([]);
  expect(graph({ a: ["b"], b: ["c"], c: ["b"] })).toEqual([["b", "c", "b"]]);
  expect(graph({ a: ["a"] })).toEqual([["a", "a"]]);
});

test("relativeTargets() resolves .js to the .ts file beside it", () => {
  const source = parseSource(
    "packages/a/src/b/c.ts",
    'import "../d.js"; import "./gone.js"; import "node:fs";',
  );
  expect(relativeTargets(source, new Map([["packages/a/src/d.ts", 1]]))).toEqual(["packages/a/src/d.ts"]);
});

test("findDeadFiles() names files that no entry reaches, or that only their own test reaches", () => {
  const sources = [
    parseSource("packages/a/src/index.ts", 'export { b } from "./b.js";'),
    parseSource("packages/a/src/b.ts", "export const b = 1;"),
    parseSource("packages/a/src/dead.ts", "export const c = 1;"),
    parseSource("packages/a/src/dead.test.ts", 'import "./dead.js"; import "./testing/fake.js";'),
    parseSource("packages/a/src/testing/fake.ts", "export {};"),
    parseSource("test/tidy/unused.ts", "export {};"),
  ];
  expect(findDeadFiles(sources).map(({ path }) => path)).toEqual([
    "packages/a/src/dead.ts",
    "test/tidy/unused.ts",
  ]);
});

test("checkName() rejects empty words and names that are not kebab-case", () => {
  expect(messages(checkName("packages/a/src/utils/x.ts"))).toEqual(["name says nothing: utils"]);
  expect(messages(checkName("packages/a/src/string-helpers.ts"))).toEqual(["name says nothing: helpers"]);
  expect(messages(checkName("packages/a/src/QueueManager.ts"))).toHaveLength(1);
  expect(messages(checkName("packages/a/srcFiles/x.ts"))).toHaveLength(1);
  expect(checkName("packages/sd35/src/commonly-used.test.ts")).toEqual([]);
});
