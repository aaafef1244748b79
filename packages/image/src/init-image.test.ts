import { FarmError, LIMITS } from "@latentfarm/contract";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImageText, decodeRgb, normalizeInitImage } from "./init-image.js";

const RED = { r: 255, g: 0, b: 0 };
const BLUE = { r: 0, g: 0, b: 255 };

/** A picture whose left half is red and whose right half is blue. */
function halves(width: number, height: number): Sharp {
  const left = { create: { width: width / 2, height, channels: 3 as const, background: RED } };
  return sharp({ create: { width, height, channels: 3, background: BLUE } }).composite([
    { input: left, left: 0, top: 0 },
  ]);
}

async function faultOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FarmError && error.code === "invalid_request") return error.details.errors;
    throw error;
  }
  return undefined;
}

const fault = (text: string) => [{ path: "image", message: expect.stringContaining(text) }];

describe("decodeImageText()", () => {
  it("reads base64 of every padding, plain or as a data URI", () => {
    for (const bytes of [[1], [1, 2], [1, 2, 3], [250, 251, 252, 253]]) {
      const text = Buffer.from(bytes).toString("base64");
      expect([...decodeImageText(text)]).toEqual(bytes);
      expect([...decodeImageText(text.replaceAll("=", ""))]).toEqual(bytes);
      expect([...decodeImageText(`data:image/webp;base64,${text}`)]).toEqual(bytes);
    }
  });

  it("passes over the line breaks of base64 and MIME encoders", () => {
    const bytes = Array.from({ length: 200 }, (_, index) => index);
    const lines = Buffer.from(bytes).toString("base64").replace(/.{76}/g, "$&\r\n");
    expect([...decodeImageText(`${lines}\n`)]).toEqual(bytes);
    expect([...decodeImageText(`data:image/png;base64,\n${lines}`)]).toEqual(bytes);
  });

  it.each([
    "",
    "=",
    "AA==AA==",
    " \r\n",
    "AA\u00a0AA",
    "AA\vAA",
    "https://example.com/a.png",
    "data:image/png;base64,",
    "data:image/png;base64",
    "data:image/svg+xml;base64,AAAA",
    "data:text/html,AAAA",
    "file:///etc/passwd",
  ])("refuses %j", async (text) => {
    expect(await faultOf(() => decodeImageText(text))).toEqual(fault("must be base64"));
  });
});

describe("normalizeInitImage()", () => {
  it.each(["png", "jpeg", "webp"] as const)(
    "covers the size with a %s and cuts around the centre",
    async (format) => {
      const bytes = await halves(128, 32).toFormat(format, { quality: 100 }).toBuffer();
      const picture = await decodeRgb(await normalizeInitImage(bytes, { width: 48, height: 48 }));
      expect([picture.width, picture.height, picture.rgb.length]).toEqual([48, 48, 48 * 48 * 3]);
      const [red, , blue] = picture.rgb;
      expect(red).toBeGreaterThan(250);
      expect(blue).toBeLessThan(5);
      expect([...picture.rgb.slice(47 * 3, 48 * 3)].map((value) => Math.round(value / 255))).toEqual([
        0, 0, 1,
      ]);
    },
  );

  it("keeps the pixels of an image that fits", async () => {
    const bytes = await halves(32, 16).png().toBuffer();
    const { rgb } = await decodeRgb(await normalizeInitImage(bytes, { width: 32, height: 16 }));
    expect(Buffer.from(rgb)).toEqual(await halves(32, 16).removeAlpha().raw().toBuffer());
  });

  it("turns an image as its EXIF says, and drops alpha and metadata", async () => {
    const turned = await halves(32, 32).withMetadata({ orientation: 3 }).jpeg({ quality: 100 }).toBuffer();
    const png = await normalizeInitImage(turned, { width: 16, height: 16 });
    expect((await decodeRgb(png)).rgb[2]).toBeGreaterThan(250);
    const metadata = await sharp(png).metadata();
    expect([metadata.channels, metadata.orientation, metadata.exif]).toEqual([3, undefined, undefined]);
    const clear = await sharp({
      create: { width: 16, height: 16, channels: 4, background: { ...RED, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect((await decodeRgb(await normalizeInitImage(clear, { width: 16, height: 16 }))).rgb[0]).toBe(255);
  });

  it("reads grey and 16-bit images as RGB", async () => {
    const grey = await halves(16, 16).toColourspace("grey16").png().toBuffer();
    const { rgb } = await decodeRgb(await normalizeInitImage(grey, { width: 16, height: 16 }));
    expect(rgb.length).toBe(16 * 16 * 3);
    expect(rgb[0]).toBe(rgb[1]);
  });

  it("refuses what is no picture, damaged or moving", async () => {
    const size = { width: 16, height: 16 };
    const whole = await halves(64, 64).png().toBuffer();
    expect(await faultOf(() => normalizeInitImage(Buffer.from("<svg/>"), size))).toEqual(
      fault("must be a PNG"),
    );
    expect(await faultOf(() => normalizeInitImage(whole.subarray(0, 100), size))).toEqual(
      fault("is damaged"),
    );
    const frames = await Promise.all([
      halves(16, 16).png().toBuffer(),
      sharp(whole).resize(16).png().toBuffer(),
    ]);
    const moving = await sharp(frames, { join: { animated: true } })
      .webp()
      .toBuffer();
    expect(await faultOf(() => normalizeInitImage(moving, size))).toEqual(
      fault("must hold one picture, has 2"),
    );
  });

  it("refuses a size by the header alone, before anything is decoded", async () => {
    const side = Math.sqrt(LIMITS.image_pixels_max);
    const bomb = await pngHeader(side, side + 1);
    expect(await faultOf(() => normalizeInitImage(bomb, { width: 16, height: 16 }))).toEqual(
      fault("limit image_pixels_max"),
    );
    const line = await pngHeader(LIMITS.image_px_max + 1, 1);
    expect(await faultOf(() => normalizeInitImage(line, { width: 16, height: 16 }))).toEqual(
      fault("limit image_px_max"),
    );
  });
});

/** A small PNG whose header claims another size: its checksum is right, its pixels are missing. */
async function pngHeader(width: number, height: number): Promise<Buffer> {
  const { crc32 } = await import("node:zlib");
  const png = await halves(2, 2).png().toBuffer();
  png.writeUInt32BE(width, 16);
  png.writeUInt32BE(height, 20);
  png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
  return png;
}
