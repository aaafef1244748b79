import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CapTable, SHAPES_MAX } from "./learned-caps.js";
import { formatTable, parseTable, TABLE_CHARS_MAX } from "./table-format.js";

const OWNER = { device: "cpu Test, 2 threads", model: "postcards 0123" };
const SHAPE = { cap: 8, settled: true, points: [{ rows: 1, ms: 10.5, memoryBytes: 4096 }] };
const TABLE: CapTable = { ":8x8/154": SHAPE, "lora:16x8/77": { ...SHAPE, memoryRows: 16 } };

/** A table with one field of its only shape changed. */
function withShape(fields: object): string {
  return JSON.stringify({ ...fileOf(), shapes: { ":8x8/154": { ...SHAPE, ...fields } } });
}

function fileOf(): Record<string, unknown> {
  return JSON.parse(formatTable(OWNER, TABLE));
}

describe("parseTable()", () => {
  test("reads what formatTable() writes", () => {
    expect(parseTable(formatTable(OWNER, TABLE), OWNER)).toEqual(TABLE);
  });

  test.each([
    ["format", { ...fileOf(), format: "other" }],
    ["version", { ...fileOf(), version: 2 }],
    ["device", { ...fileOf(), device: "cuda" }],
    ["model", { ...fileOf(), model: "postcards 4567" }],
    ["shapes", { ...fileOf(), shapes: [] }],
    [
      "number of shapes",
      {
        ...fileOf(),
        shapes: Object.fromEntries(Array.from({ length: SHAPES_MAX + 1 }, (_, i) => [i, SHAPE])),
      },
    ],
    ["length of a shape's name", { ...fileOf(), shapes: { ["x".repeat(257)]: SHAPE } }],
  ])("refuses a file by its %s", (field, file) => {
    expect(() => parseTable(JSON.stringify(file), OWNER)).toThrow(
      expect.objectContaining({ code: "file_invalid", message: expect.stringContaining(`${field} is`) }),
    );
  });

  test.each([
    { cap: 0 },
    { cap: 3 },
    { cap: 2048 },
    { cap: "8" },
    { settled: 1 },
    { memoryRows: -1 },
    { points: {} },
    { points: Array.from({ length: 65 }, () => SHAPE.points[0]) },
    { points: [{ rows: 1.5, ms: 1 }] },
    { points: [{ rows: 1, ms: 0 }] },
    { points: [{ rows: 1, ms: null }] },
    { points: [{ rows: 1, ms: 1, memoryBytes: 1e300 }] },
  ])("refuses a shape with %j", (fields) => {
    expect(() => parseTable(withShape(fields), OWNER)).toThrow(
      expect.objectContaining({ code: "file_invalid" }),
    );
  });

  test("refuses a file past the cap before it parses it", () => {
    const text = `${" ".repeat(TABLE_CHARS_MAX)}{}`;
    expect(() => parseTable(text, OWNER)).toThrow(/length is/);
  });

  test("takes any text without any other error", () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((shapes) => withShape({ points: [shapes] })),
    );
    fc.assert(
      fc.property(anything, (text) => {
        expect(() => parseTable(text, OWNER)).toThrow(expect.objectContaining({ code: "file_invalid" }));
      }),
    );
  });

  test("gives a shape called __proto__ no power", () => {
    const text = formatTable(OWNER, TABLE).replace('":8x8/154"', '"__proto__"');
    const table = parseTable(text, OWNER);
    expect(Object.getPrototypeOf(table)).toBe(Object.prototype);
  });
});
