import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { parsePromptWeights, WEIGHT_DEPTH_MAX, WEIGHT_MAX } from "./prompt-weights.js";

/** Runs as `[text, weight]`, weights rounded to what a reader writes. */
function runs(prompt: string): (readonly [string, number])[] {
  return parsePromptWeights(prompt, "prompt").map(({ text, weight }) => [text, Number(weight.toFixed(6))]);
}

/** The fields that a prompt is refused for. */
function faultsOf(prompt: string): unknown {
  try {
    runs(prompt);
  } catch (error) {
    if (error instanceof FarmError) return error.details.errors;
  }
  return [];
}

describe("parsePromptWeights()", () => {
  it.each<[string, [string, number][]]>([
    ["", []],
    ["a red sun", [["a red sun", 1]]],
    [
      "a (red:1.3) sun",
      [
        ["a ", 1],
        ["red", 1.3],
        [" sun", 1],
      ],
    ],
    [
      "(red) sun",
      [
        ["red", 1.1],
        [" sun", 1],
      ],
    ],
    ["(((red)))", [["red", 1.331]]],
  ])("reads %j", (prompt, expected) => {
    expect(runs(prompt)).toEqual(expected);
  });

  it("takes a number for the weight itself and multiplies a bare group's", () => {
    expect(runs("(a (b:1.3) (c) d:0.5)")).toEqual([
      ["a ", 0.5],
      ["b", 1.3],
      [" ", 0.5],
      ["c", 0.55],
      [" d", 0.5],
    ]);
  });

  it.each([
    ["(a:-1)", -1],
    ["(a: +1.5 )", 1.5],
    ["(a:.5)", 0.5],
    ["(a:2.)", 2],
    ["(a:5e-1)", 0.5],
    ["(a:0)", 0],
  ])("reads the number of %s", (prompt, weight) => {
    expect(runs(prompt)).toEqual([["a", weight]]);
  });

  it.each(["(a:)", "(a:b)", "(a:0x10)", "(a:1.3.1)", "(a:1e999)", "(a:nan)", "(:1.3)"])(
    "leaves the colon of %s in the text",
    (prompt) => {
      expect(runs(prompt)).toEqual([[prompt.slice(1, -1), 1.1]]);
    },
  );

  it("takes the last colon alone", () => {
    expect(runs("(a: b:1.2)")).toEqual([["a: b", 1.2]]);
  });

  it("reads escaped parentheses as plain text", () => {
    expect(runs("a \\(b\\) (c \\(d\\):1.2)")).toEqual([
      ["a (b) ", 1],
      ["c (d)", 1.2],
    ]);
    expect(runs("\\(a)")).toEqual([["(a)", 1]]);
  });

  it.each<[string, [string, number][]]>([
    ["(a", [["(a", 1]]],
    ["(", [["(", 1]]],
    ["a)", [["a)", 1]]],
    ["()", []],
    ["a) (b:1.3)", [["a) (b:1.3)", 1]]],
    [
      "a) (b (c:1.3) d",
      [
        ["a) (b ", 1],
        ["c", 1.3],
        [" d", 1],
      ],
    ],
    ["(a (b) c", [["(a (b) c", 1]]],
    [
      "(a (b:1.3)",
      [
        ["a ", 1.3],
        ["(b", 1.3],
      ],
    ],
  ])("reads the unbalanced %j as ComfyUI does", (prompt, expected) => {
    expect(runs(prompt)).toEqual(expected);
  });

  it("accepts the deepest nesting and rejects one more, naming the field", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}a:1${")".repeat(depth)}`;
    expect(runs(nested(WEIGHT_DEPTH_MAX))).toEqual([["a", 1]]);
    expect(faultsOf(nested(WEIGHT_DEPTH_MAX + 1))).toEqual([
      { path: "prompt", message: expect.stringContaining("WEIGHT_DEPTH_MAX") },
    ]);
  });

  it("accepts the largest weight of either sign and rejects more", () => {
    expect(runs(`(a:${WEIGHT_MAX})(b:-${WEIGHT_MAX})`)).toHaveLength(2);
    const fault = [{ path: "prompt", message: expect.stringContaining("WEIGHT_MAX") }];
    expect(faultsOf(`(a:${WEIGHT_MAX + 1})`)).toEqual(fault);
    expect(faultsOf(`(a:-${WEIGHT_MAX + 1})`)).toEqual(fault);
  });

  it("reads any text without fault and drops nothing but notation", () => {
    const letters = ["(", ")", "\\", ":", "1", ".", "a", " "];
    let state = 1;
    const next = (end: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // Numerical Recipes' generator
      return Math.floor((state / 2 ** 32) * end);
    };
    for (let round = 0; round < 2_000; round += 1) {
      const prompt = Array.from({ length: next(40) }, () => letters[next(letters.length)]).join("");
      const weighted = parsePromptWeights(prompt, "prompt");
      const kept = (text: string) => text.replaceAll(/[^a]/g, "");
      expect(kept(weighted.map(({ text }) => text).join(""))).toBe(kept(prompt));
      expect(weighted.every(({ text, weight }) => text !== "" && Number.isFinite(weight))).toBe(true);
    }
  });

  it("reads the longest prompts of parentheses in linear time", () => {
    const count = 8_192;
    expect(runs("(".repeat(count))).toHaveLength(1);
    expect(runs(")".repeat(count))).toHaveLength(1);
    expect(runs(`(a:${"1".repeat(count)}x)`)).toHaveLength(1);
    expect(runs("(a)".repeat(count))).toHaveLength(count);
  });
});
