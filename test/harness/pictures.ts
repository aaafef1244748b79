import { readFile } from "node:fs/promises";
import { PNG } from "pngjs";

/** Pixels of a picture without alpha: uint8 `[height, width, 3]`. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Decodes a PNG with a decoder that the farm itself does not use. */
export function decodePng(bytes: Uint8Array): Pixels {
  const png = PNG.sync.read(Buffer.from(bytes));
  const rgb = new Uint8Array(png.width * png.height * 3);
  for (let pixel = 0; pixel < png.width * png.height; pixel++) {
    rgb.set(png.data.subarray(pixel * 4, pixel * 4 + 3), pixel * 3);
  }
  return { width: png.width, height: png.height, rgb };
}

/** Reads and decodes a PNG file. */
export async function readPng(file: string): Promise<Pixels> {
  return decodePng(await readFile(file));
}

/** Mean absolute difference of two pictures of one size, in units of 1 of 255. Throws when the sizes differ. */
export function meanDifference(a: Pixels, b: Pixels): number {
  if (a.width !== b.width || a.height !== b.height) {
    throw new Error(`Cannot compare pictures: sizes are ${a.width}x${a.height} and ${b.width}x${b.height}`);
  }
  return a.rgb.reduce((sum, value, i) => sum + Math.abs(value - (b.rgb[i] ?? 0)), 0) / a.rgb.length;
}
