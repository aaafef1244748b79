import { InvalidArgumentError } from "commander";

/** A whole number as commander parses it; which numbers are allowed is the contract's to say. */
export function parseWhole(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

/** A whole number within bounds. */
export function parseWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = parseWhole(text);
    if (value < min || value > max) throw new InvalidArgumentError(`It must be ${min}..${max}.`);
    return value;
  };
}

/** Whole numbers with commas between them, such as `7,8,9`. */
export function parseWholeList(text: string): readonly number[] {
  return text.split(",").map((part) => parseWhole(part.trim()));
}

/** A decimal number as commander parses it. */
export function parseDecimal(text: string): number {
  if (!/^-?\d{1,9}(\.\d{1,9})?$/.test(text)) throw new InvalidArgumentError("It must be a number.");
  return Number(text);
}

/** A limit that can be taken away again: a number or `none`. */
export function parseLimit(text: string): number | "none" {
  return text === "none" ? text : parseDecimal(text);
}

/** A rate such as `60/min`; the unit may be left out. */
export function parseRate(text: string): number | "none" {
  if (text === "none") return text;
  const [, count] = /^(\d{1,9})(?:\/min)?$/.exec(text) ?? [];
  if (count === undefined)
    throw new InvalidArgumentError("It must be requests a minute, such as 60/min, or none.");
  return Number(count);
}

/** Names with commas between them, such as `submit,read`. */
export function parseNames(text: string): readonly string[] {
  return text.split(",").map((part) => part.trim());
}

/** A size such as `1024x768`, in pixels. */
export function parseSize(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/i.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw new InvalidArgumentError("It must be WIDTHxHEIGHT in pixels, such as 1024x1024.");
  }
  return { width: Number(width), height: Number(height) };
}
