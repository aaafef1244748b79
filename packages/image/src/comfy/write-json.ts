/** What JSON can hold, and whole numbers past 2^53 as bigint. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | bigint
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

const NO_ASCII = /[\u007f-\uffff]/g;
const HEX = 16;
const UNIT_DIGITS = 4;

/**
 * Writes JSON in ASCII with bigints as plain digits, as Python's writer does: a seed keeps all of its digits, and the
 * text needs no encoding that readers disagree about.
 */
export function writeJson(value: JsonValue): string {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return writeScalar(value);
  if (isList(value)) return `[${value.map(writeJson).join(", ")}]`;
  const fields = Object.entries(value).map(([name, field]) => `${writeScalar(name)}: ${writeJson(field)}`);
  return `{${fields.join(", ")}}`;
}

function isList(value: object): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function writeScalar(value: string | number | boolean | null): string {
  return JSON.stringify(value).replace(
    NO_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(HEX).padStart(UNIT_DIGITS, "0")}`,
  );
}
