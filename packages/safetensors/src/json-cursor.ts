import { invalidContent, quote } from "./file-error.js";

/** A position in a JSON text that only moves forward; each call consumes one value of the kind it names. */
export interface JsonCursor {
  /** Reads an object; `onKey` must consume exactly the key's value. A key given twice is refused. */
  object(options: { what: string; countMax: number; onKey: (key: string) => void }): void;
  /** Reads a string of at most `lengthMax` UTF-16 code units, decoding escapes. */
  string(what: string, lengthMax: number): string;
  /** Reads an array of at most `countMax` integers from 0 to 2^53 - 1, written without sign, point or exponent. */
  integers(what: string, countMax: number): number[];
  /** Asserts that only padding spaces are left. */
  end(): void;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/**
 * Reads JSON whose shape the caller knows. `JSON.parse` keeps the last of two equal keys and says nothing, so two
 * readers of one file could see different tensors; and it builds whatever depth the file asks for. This cursor
 * sees every key once and never recurses by itself.
 *
 * Its calls throw {@link FarmError} file_invalid.
 */
export function createJsonCursor(text: string): JsonCursor {
  let at = 0;

  const fail = (expected: string): never => {
    const found = at < text.length ? quote(text.slice(at, at + 1)) : "the end";
    throw invalidContent(`character ${at} is ${found}, expected ${expected}`, { position: at });
  };
  const skipSpace = (): void => {
    while (isJsonSpace(text.charCodeAt(at))) at += 1;
  };
  const accept = (character: string): boolean => {
    skipSpace();
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const expect = (character: string): void => {
    if (!accept(character)) fail(quote(character));
  };
  /** Runs `item` for each element between the brackets, given how many came before it. */
  const list = (open: string, close: string, item: (count: number) => void): void => {
    expect(open);
    if (accept(close)) return;
    for (let count = 0; ; count += 1) {
      item(count);
      if (accept(close)) return;
      expect(",");
    }
  };

  const string: JsonCursor["string"] = (what, lengthMax) => {
    expect('"');
    const start = at;
    let escaped = false;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      // charCodeAt() past the end is NaN, which fails this comparison too.
      if (!(code >= SPACE)) fail(`a character of ${what}`);
      if (code === BACKSLASH) escaped = true;
      at += code === BACKSLASH ? 2 : 1;
    }
    const value = escaped ? decodeString(text.slice(start - 1, at + 1), what) : text.slice(start, at);
    if (value.length > lengthMax)
      throw invalidContent(`length of ${what} is ${value.length}, at most ${lengthMax}`);
    at += 1;
    return value;
  };

  const integer = (what: string): number => {
    skipSpace();
    const start = at;
    while (isDigit(text.charCodeAt(at))) at += 1;
    const token = text.slice(start, at);
    if (token === "" || (token.length > 1 && token.startsWith("0")))
      fail(`a non-negative integer of ${what}`);
    const value = Number(token);
    if (!Number.isSafeInteger(value)) throw invalidContent(`${what} is ${quote(token)}, at most 2^53 - 1`);
    return value;
  };

  return {
    string,
    integers(what, countMax) {
      const values: number[] = [];
      list("[", "]", (count) => {
        if (count === countMax) throw invalidContent(`length of ${what} is more than ${countMax}`);
        values.push(integer(what));
      });
      return values;
    },
    object({ what, countMax, onKey }) {
      const keys = new Set<string>();
      list("{", "}", (count) => {
        if (count === countMax) throw invalidContent(`number of keys of ${what} is more than ${countMax}`);
        const key = string(`a key of ${what}`, text.length);
        if (keys.has(key)) throw invalidContent(`key ${quote(key)} of ${what} is given twice`);
        keys.add(key);
        expect(":");
        onKey(key);
      });
    },
    end() {
      while (text.charCodeAt(at) === SPACE) at += 1;
      if (at < text.length) fail("padding spaces only");
    },
  };
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
