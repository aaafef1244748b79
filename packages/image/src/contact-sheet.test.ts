import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { contactSheet } from "./contact-sheet.js";

const plain = (r: number, width = 16, height = 16) =>
  sharp({ create: { width, height, channels: 3, background: { r, g: 0, b: 0 } } })
    .png()
    .toBuffer();

/** The red value at a place of the sheet. */
async function redAt(sheet: Uint8Array, x: number, y: number): Promise<number | undefined> {
  const { data, info } = await sharp(sheet).raw().toBuffer({ resolveWithObject: true });
  return data[(y * info.width + x) * info.channels];
}

describe("contactSheet()", () => {
  it("lays pictures out row by row, enlarged until a person sees them", async () => {
    const sheet = await contactSheet([await plain(10), await plain(100), await plain(200)]);
    const { width, height, format } = await sharp(sheet).metadata();
    expect({ width, height, format }).toEqual({ width: 8 + 2 * 264, height: 8 + 2 * 264, format: "png" });
    expect(await redAt(sheet, 100, 100)).toBe(10);
    expect(await redAt(sheet, 400, 100)).toBe(100);
    expect(await redAt(sheet, 100, 400)).toBe(200);
    expect(await redAt(sheet, 400, 400)).toBe(64);
  });

  it("enlarges pixel by pixel by the given scale", async () => {
    const picture = await sharp(Buffer.from([255, 0, 0, 0, 0, 0]), {
      raw: { width: 2, height: 1, channels: 3 },
    })
      .png()
      .toBuffer();
    const sheet = await contactSheet([picture], { scale: 10 });
    expect(await redAt(sheet, 8 + 9, 8)).toBe(255);
    expect(await redAt(sheet, 8 + 10, 8)).toBe(0);
  });

  it("shrinks what would be too large for viewers", async () => {
    const sheet = await contactSheet([await plain(10, 8200, 16), await plain(20, 16, 16)]);
    const { width = 0 } = await sharp(sheet).metadata();
    expect(width).toBeLessThanOrEqual(8192);
  });

  it("refuses no picture, a damaged one and a broken scale", async () => {
    await expect(contactSheet([])).rejects.toThrow(RangeError);
    await expect(contactSheet([Buffer.from("no picture")])).rejects.toMatchObject({ code: "file_invalid" });
    await expect(contactSheet([await plain(1)], { scale: 1.5 })).rejects.toThrow(RangeError);
  });
});
