import { InvalidArgumentError } from "commander";

/** A whole number as commander parses it; which numbers are allowed is the contract's to say. */
export function parseWhole(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
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

/** A size such as `1024x768`, in pixels. */
export function parseSize(text: string): { width: number; height: number } {
  const [, width, height] = /^(\d{1,6})x(\d{1,6})$/i.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw new InvalidArgumentError("It must be WIDTHxHEIGHT in pixels, such as 1024x1024.");
  }
  return { width: Number(width), height: Number(height) };
}
