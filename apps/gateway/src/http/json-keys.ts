import { type FieldError, fieldsError } from "@latentfarm/contract";

/** Characters of a key that the answer repeats: it is the client's own text. */
const KEY_CHARS_SHOWN = 128;

/** White space between the parts of a JSON text. Source: RFC 8259, section 2. */
const JSON_SPACE = " \t\n\r";

/**
 * Asserts that no object of a JSON text names a key twice: JSON.parse keeps the last in silence, another reader of the
 * same text the first. The text is one that JSON.parse has accepted, so a string before a colon is a key. An own look
 * at it, since strings that hold an image are stepped over at memory speed.
 * @throws {FarmError} invalid_request, naming each such key
 */
export function assertKeysOnce(text: string): void {
  const open: Set<string>[] = [];
  const faults: FieldError[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "{") open.push(new Set());
    else if (character === "}") open.pop();
    if (character !== '"') continue;
    const end = endOfJsonString(text, at);
    if (isBeforeColon(text, end + 1)) {
      const key = String(JSON.parse(text.slice(at, end + 1)));
      if (open.at(-1)?.has(key))
        faults.push({ path: key.slice(0, KEY_CHARS_SHOWN), message: "must stand only once in its object" });
      open.at(-1)?.add(key);
    }
    at = end;
  }
  if (faults.length > 0) throw fieldsError("the body", faults);
}

/** The place of the quote that ends the string begun at `start`; the text's length when nothing does. */
export function endOfJsonString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text[at - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}

function isBeforeColon(text: string, start: number): boolean {
  for (let at = start; at < text.length; at++) {
    const character = text.charAt(at);
    if (!JSON_SPACE.includes(character)) return character === ":";
  }
  return false;
}
