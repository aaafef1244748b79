import { FarmError } from "@latentfarm/contract";
import { type CapTable, SHAPES_MAX } from "./learned-caps.js";
import type { ShapeRecord } from "./shape-caps.js";
import type { CurvePoint } from "./time-curve.js";

/** Says what the file is. */
const FORMAT = "latentfarm-batch-caps";

/** Changes when older readers would misread the file; a file of another version is not used. */
const VERSION = 1;

/** Characters of a table: each shape takes less than 1 kB, so this is twice the largest. */
export const TABLE_CHARS_MAX = 524_288;

/** Characters of a class's name: variant, size and text length; a LoRA set is the longest part. */
const KEY_CHARS_MAX = 256;

/** Rows that a file may name: far past any cap, so that a wrong number is seen as one. */
const ROWS_MAX = 1024;

/** Row counts of one shape: the cap's every number, and some. */
const POINTS_MAX = 64;

/** What a table was measured on: it is worth nothing for another device or model. */
export interface TableOwner {
  /** The class of the device, such as "cpu Intel Xeon, 2 threads". */
  readonly device: string;
  readonly model: string;
}

/** Writes a table as JSON. */
export function formatTable(owner: TableOwner, shapes: CapTable): string {
  const file = { format: FORMAT, version: VERSION, device: owner.device, model: owner.model, shapes };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/**
 * Reads a table.
 * @throws {FarmError} file_invalid when it is none, of another version, or of another device or model
 */
export function parseTable(text: string, owner: TableOwner): CapTable {
  if (text.length > TABLE_CHARS_MAX) throw invalid("length", text.length);
  const file = record("file", parseJson(text));
  expectEqual("format", file.format, FORMAT);
  expectEqual("version", file.version, VERSION);
  expectEqual("device", file.device, owner.device);
  expectEqual("model", file.model, owner.model);
  const shapes = Object.entries(record("shapes", file.shapes));
  if (shapes.length > SHAPES_MAX) throw invalid("number of shapes", shapes.length);
  return Object.fromEntries(
    shapes.map(([key, value]) => {
      if (key.length > KEY_CHARS_MAX) throw invalid("length of a shape's name", key.length);
      return [key, parseShape(record("shape", value))];
    }),
  );
}

function parseShape({ cap, settled, memoryRows, points }: Readonly<Record<string, unknown>>): ShapeRecord {
  const rows = count("cap", cap, ROWS_MAX);
  if (!Number.isInteger(Math.log2(rows))) throw invalid("cap", cap);
  if (typeof settled !== "boolean") throw invalid("settled", settled);
  if (!Array.isArray(points) || points.length > POINTS_MAX) throw invalid("points", typeof points);
  return {
    cap: rows,
    settled,
    ...(memoryRows === undefined ? {} : { memoryRows: count("memoryRows", memoryRows, ROWS_MAX) }),
    points: points.map((point) => parsePoint(record("point", point))),
  };
}

function parsePoint({ rows, ms, memoryBytes }: Readonly<Record<string, unknown>>): CurvePoint {
  if (typeof ms !== "number" || !(ms > 0) || ms === Number.POSITIVE_INFINITY) throw invalid("ms", ms);
  return {
    rows: count("rows", rows, ROWS_MAX),
    ms,
    ...(memoryBytes === undefined
      ? {}
      : { memoryBytes: count("memoryBytes", memoryBytes, Number.MAX_SAFE_INTEGER) }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FarmError("file_invalid", "Cannot read the batch caps as they are not JSON", { cause });
  }
}

function record(field: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(field, typeof value);
  return Object.fromEntries(Object.entries(value));
}

function count(field: string, value: unknown, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1 || value > max) {
    throw invalid(field, value);
  }
  return value;
}

function expectEqual(field: string, value: unknown, expected: unknown): void {
  if (value !== expected) throw invalid(field, value);
}

/** Characters of a wrong value that reach the message. */
const SHOWN_CHARS_MAX = 100;

function invalid(field: string, value: unknown): FarmError {
  const shown = String(value).slice(0, SHOWN_CHARS_MAX);
  return new FarmError("file_invalid", `Cannot use the batch caps as they do not fit: ${field} is ${shown}`);
}
