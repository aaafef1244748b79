const HEX = 16;
/** Control characters, the line break excepted: a file's text must not steer the terminal that it is shown on. */
const CONTROLS = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A text out of a file as a terminal may show it: control characters stand as `\u{1b}`. */
export function plainText(text: string): string {
  return text.replace(CONTROLS, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(HEX)}}`);
}
