import { FarmError } from "@latentfarm/contract";
import sharp from "sharp";

/** How large each picture stands on the sheet. */
export interface ContactSheetOptions {
  /** Whole times that each picture is enlarged; chosen so that a side is at least `CELL_PX_MIN` when absent. */
  readonly scale?: number;
}

/** Pixels of a cell's longer side at least: a person sees what is drawn in a thumbnail of this size. */
const CELL_PX_MIN = 256;
/** Pixels of a sheet's side at most: larger sheets are shrunk, not refused; common viewers open this. */
const SHEET_PX_MAX = 8_192;
/** Pixels between pictures. */
const GAP_PX = 8;
/** A neutral grey: bright and dark pictures both stand out against it. */
const BACKGROUND = { r: 64, g: 64, b: 64 };

interface Cell {
  readonly input: Buffer;
  readonly left: number;
  readonly top: number;
}

/**
 * Lays encoded pictures out in a grid that is about as wide as high, row by row, and gives it as PNG. Small pictures
 * are enlarged pixel by pixel, so that what is seen is what was drawn.
 * @throws {RangeError} no picture, or `scale` is not a whole number from 1.
 * @throws {FarmError} file_invalid a picture cannot be decoded.
 */
export async function contactSheet(
  images: readonly Uint8Array[],
  options: ContactSheetOptions = {},
): Promise<Uint8Array> {
  if (images.length === 0) throw new RangeError("Cannot lay out a contact sheet: there is no picture");
  const sizes = await Promise.all(images.map(sizeOf));
  const widest = Math.max(...sizes.map((size) => size.width));
  const highest = Math.max(...sizes.map((size) => size.height));
  const scale = options.scale ?? Math.max(1, Math.ceil(CELL_PX_MIN / Math.max(widest, highest)));
  if (!Number.isInteger(scale) || scale < 1) {
    throw new RangeError(`Cannot lay out a contact sheet: scale is ${scale}`);
  }
  const columns = Math.ceil(Math.sqrt(images.length));
  const rows = Math.ceil(images.length / columns);
  const shrink = Math.min(
    1,
    (SHEET_PX_MAX - GAP_PX * (columns + 1)) / (columns * widest * scale),
    (SHEET_PX_MAX - GAP_PX * (rows + 1)) / (rows * highest * scale),
  );
  const cellWidth = Math.max(1, Math.floor(widest * scale * shrink));
  const cellHeight = Math.max(1, Math.floor(highest * scale * shrink));
  const place = async (image: Uint8Array, i: number): Promise<Cell> => ({
    input: await fit(image, cellWidth, cellHeight),
    left: GAP_PX + (i % columns) * (cellWidth + GAP_PX),
    top: GAP_PX + Math.floor(i / columns) * (cellHeight + GAP_PX),
  });
  const width = GAP_PX + columns * (cellWidth + GAP_PX);
  const height = GAP_PX + rows * (cellHeight + GAP_PX);
  return sharp({ create: { width, height, channels: 3, background: BACKGROUND } })
    .composite(await Promise.all(images.map(place)))
    .png()
    .toBuffer();
}

async function sizeOf(image: Uint8Array): Promise<{ width: number; height: number }> {
  try {
    const { width, height } = await sharp(image).metadata();
    return { width, height };
  } catch (error) {
    throw new FarmError("file_invalid", "Cannot lay out a contact sheet as a picture is damaged", {
      cause: error,
    });
  }
}

function fit(image: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(image)
    .resize(width, height, { fit: "contain", kernel: "nearest", background: BACKGROUND })
    .png()
    .toBuffer();
}
