import { invalidContent, quote } from "./file-error.js";

/**
 * A position in a JSON text that only moves forward. The functions of this file each consume one value of the kind
 * they name and throw FarmError file_invalid if there is another.
 *
 * They read JSON whose shape the caller knows. `JSON.parse` keeps the last of two equal keys and says nothing, so two
 * readers of one file could see different tensors; and it builds whatever depth the file asks for. These see every
 * key once and never recurse by themselves.
 */
export interface JsonCursor {
  readonly text: string;
  /** Index of the next character. */
  at: number;
}

/** How {@link readObject} treats an object. */
export interface ObjectRules {
  /** The object's name in messages. */
  readonly what: string;
  readonly countMax: number;
  /** Must consume exactly the key's value. */
  readonly onKey: (key: string) => void;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/**
 * Reads an object; a key given twice is refused.
 * @throws {FarmError} file_invalid
 */
export function readObject(cursor: JsonCursor, { what, countMax, onKey }: ObjectRules): void {
  const keys = new Set<string>();
  readList(cursor, "{}", (count) => {
    if (count === countMax) throw invalidContent(`number of keys of ${what} is more than ${countMax}`);
    const key = readString(cursor, `a key of ${what}`);
    if (keys.has(key)) throw invalidContent(`key ${quote(key)} of ${what} is given twice`);
    keys.add(key);
    expect(cursor, ":");
    onKey(key);
  });
}

/**
 * Reads a string, decoding escapes. `what` names it in messages. The text bounds its length.
 * @throws {FarmError} file_invalid
 */
export function readString(cursor: JsonCursor, what: string): string {
  const { text } = cursor;
  expect(cursor, '"');
  const start = cursor.at;
  let escaped = false;
  for (let code = text.charCodeAt(cursor.at); code !== QUOTE; code = text.charCodeAt(cursor.at)) {
    // charCodeAt() past the end is NaN, which fails this comparison too.
    if (!(code >= SPACE)) throw unexpected(cursor, `a character of ${what}`);
    if (code === BACKSLASH) escaped = true;
    cursor.at += code === BACKSLASH ? 2 : 1;
  }
  const end = cursor.at;
  cursor.at += 1;
  return escaped ? decodeString(text.slice(start - 1, end + 1), what) : text.slice(start, end);
}

/**
 * Reads an array of at most `countMax` integers from 0 to 2^53 - 1, written without sign, point or exponent.
 * @throws {FarmError} file_invalid
 */
export function readIntegers(cursor: JsonCursor, what: string, countMax: number): number[] {
  const values: number[] = [];
  readList(cursor, "[]", (count) => {
    if (count === countMax) throw invalidContent(`length of ${what} is more than ${countMax}`);
    values.push(readInteger(cursor, what));
  });
  return values;
}

/**
 * Asserts that only padding spaces are left.
 * @throws {FarmError} file_invalid
 */
export function readEnd(cursor: JsonCursor): void {
  while (cursor.text.charCodeAt(cursor.at) === SPACE) cursor.at += 1;
  if (cursor.at < cursor.text.length) throw unexpected(cursor, "padding spaces only");
}

/** Runs `item` for each element between the brackets, given how many came before it. */
function readList(cursor: JsonCursor, brackets: "{}" | "[]", item: (count: number) => void): void {
  const close = brackets.charAt(1);
  expect(cursor, brackets.charAt(0));
  if (accept(cursor, close)) return;
  for (let count = 0; ; count += 1) {
    item(count);
    if (accept(cursor, close)) return;
    expect(cursor, ",");
  }
}

function readInteger(cursor: JsonCursor, what: string): number {
  skipSpace(cursor);
  const start = cursor.at;
  while (isDigit(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
  const token = cursor.text.slice(start, cursor.at);
  if (token === "" || (token.length > 1 && token.startsWith("0"))) {
    throw unexpected(cursor, `a non-negative integer of ${what}`);
  }
  const value = Number(token);
  if (!Number.isSafeInteger(value)) throw invalidContent(`${what} is ${quote(token)}, at most 2^53 - 1`);
  return value;
}

function expect(cursor: JsonCursor, character: string): void {
  if (!accept(cursor, character)) throw unexpected(cursor, quote(character));
}

function accept(cursor: JsonCursor, character: string): boolean {
  skipSpace(cursor);
  if (cursor.text[cursor.at] !== character) return false;
  cursor.at += 1;
  return true;
}

function skipSpace(cursor: JsonCursor): void {
  while (isJsonSpace(cursor.text.charCodeAt(cursor.at))) cursor.at += 1;
}

function unexpected({ text, at }: JsonCursor, expected: string): Error {
  const found = at < text.length ? quote(text.slice(at, at + 1)) : "the end";
  return invalidContent(`character ${at} is ${found}, expected ${expected}`, { position: at });
}

/** Space, line feed, carriage return, tab: the white space of RFC 8259. */
function isJsonSpace(code: number): boolean {
  return code === SPACE || code === 0x0a || code === 0x0d || code === 0x09;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Decodes one string token, quotes included; JSON.parse is exact for a lone string. */
function decodeString(token: string, what: string): string {
  let value: unknown;
  try {
    value = JSON.parse(token);
  } catch {
    throw invalidContent(`${what} is ${quote(token)}, with an escape that JSON does not have`);
  }
  // A lone surrogate has no UTF-8 form: the reference refuses it, and writing the name back would change it.
  if (typeof value !== "string" || /\p{Surrogate}/u.test(value)) {
    throw invalidContent(`${what} is ${quote(token)}, with half a surrogate pair`);
  }
  return value;
}
