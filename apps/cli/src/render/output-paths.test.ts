import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type OutputWishes, planOutput, slugOf } from "./output-paths.js";

const cwd = mkdtempSync(join(tmpdir(), "farm out "));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const plan = (wishes: Partial<OutputWishes>) =>
  planOutput({ prompt: "A red fox, dawn", output: undefined, format: undefined, count: 1, cwd, ...wishes });

test("planOutput() names files after prompt and seed where no name is given", () => {
  expect(plan({}).picturePath(0, "7")).toBe(join(cwd, "a-red-fox-dawn-7.png"));
  expect(plan({ count: 2, format: "webp" }).picturePath(1, "8")).toBe(join(cwd, "a-red-fox-dawn-8.webp"));
  expect(plan({ output: `${cwd}/` }).picturePath(0, "7")).toBe(join(cwd, "a-red-fox-dawn-7.png"));
});

test("planOutput() numbers a given name and puts the sheet beside", () => {
  const named = plan({ output: "sun.jpg", count: 2 });
  expect(named.format).toBe("jpeg");
  expect(named.picturePath(1, "8")).toBe(join(cwd, "sun-1.jpg"));
  expect(named.sheetPath("7")).toBe(join(cwd, "sun-sheet.png"));
  expect(plan({ output: "sun.png" }).picturePath(0, "7")).toBe(join(cwd, "sun.png"));
  expect(plan({ output: "sun", format: "webp" }).picturePath(0, "7")).toBe(join(cwd, "sun.webp"));
});

test.each([
  [{ output: "nowhere/sun.png" }, "does not exist"],
  [{ output: "sun.gif" }, "extension is .gif"],
  [{ output: "sun.png", format: "webp" as const }, "--format is webp"],
])("planOutput() refuses %j", (wishes, message) => {
  expect(() => plan(wishes)).toThrow(message);
});

test("slugOf() keeps letters and digits of any script, short, never empty", () => {
  expect(slugOf("  Älpen & Σ 42!  ")).toBe("alpen-σ-42");
  expect(slugOf("../../etc/passwd")).toBe("etc-passwd");
  expect(slugOf("!!!")).toBe("picture");
  expect(slugOf("a ".repeat(200)).length).toBeLessThanOrEqual(48);
});
