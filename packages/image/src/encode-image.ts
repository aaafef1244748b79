import type { OutputFormat, PictureRecord } from "@latentfarm/contract";
import sharp, { type Sharp } from "sharp";
import { comfyTexts } from "./comfy/write-graph.js";
import { writeExif } from "./metadata/exif.js";
import { insertJpegExif, insertWebpExif, JPEG_EXIF_BYTES_MAX } from "./metadata/insert-exif.js";
import { writeXmp } from "./metadata/xmp.js";
import { parametersText } from "./parameters-text.js";
import { insertTexts, PNG_XMP_KEYWORD } from "./png-text.js";

/** A picture and how to encode it. */
export interface EncodeOptions {
  /** ``uint8 [height, width, 3]`` */
  readonly rgb: Uint8Array;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly format: OutputFormat;
  /** Percent, for JPEG and WebP; PNG keeps every pixel. */
  readonly quality: number;
  /** What the picture carries about itself. */
  readonly record: PictureRecord;
}

/** An encoded picture. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  /** What the reader should be told of its metadata. */
  readonly notes: readonly string[];
}

/** Bytes of an XMP packet in a JPEG: what is left of a segment beside its length and the packet's name of 29 bytes. */
const JPEG_XMP_BYTES_MAX = 65_504;
/** zlib level of PNG: 6 is zlib's own default; 9 took twice as long for 1 percent less on drawn pictures. */
const PNG_LEVEL = 6;
/** Effort of WebP, 0..6: sharp's default, named so that bytes do not change with it. */
const WEBP_EFFORT = 4;
/** Percent of a preview: it is looked at for a second and sent many times. */
const PREVIEW_QUALITY = 70;

/**
 * Encodes a picture with its record, so that it can be drawn again: XMP in each format, AUTOMATIC1111's text in each
 * (PNG text, Exif else), ComfyUI's graph in PNG and WebP, the two that its window opens. Equal input gives equal bytes:
 * settings are fixed and no time is written.
 * @throws {RangeError} `rgb` has not 3 bytes per pixel.
 */
export async function encodeImage(options: EncodeOptions): Promise<EncodedImage> {
  const image = openRgb(options.rgb, options.width, options.height);
  switch (options.format) {
    case "png":
      return { bytes: await encodePng(image, options), notes: [] };
    case "jpeg":
      return encodeJpeg(image, options);
    case "webp":
      return { bytes: await encodeWebp(image, options), notes: [] };
  }
}

async function encodePng(image: Sharp, { record }: EncodeOptions): Promise<Uint8Array> {
  const png = await image
    .png({ compressionLevel: PNG_LEVEL, adaptiveFiltering: true, palette: false })
    .toBuffer();
  const { prompt, workflow } = comfyTexts(record);
  return insertTexts(png, [
    ["parameters", parametersText(record)],
    ["prompt", prompt],
    ["workflow", workflow],
    [PNG_XMP_KEYWORD, writeXmp(record)],
  ]);
}

/** A JPEG's segments hold 64 KiB: what prompts of the greatest length do not leave room for is left out, and told. */
async function encodeJpeg(image: Sharp, { record, quality }: EncodeOptions): Promise<EncodedImage> {
  const xmp = writeXmp(record);
  const exif = writeExif({ userComment: parametersText(record) });
  const hasXmp = Buffer.byteLength(xmp) <= JPEG_XMP_BYTES_MAX;
  const hasExif = exif.length <= JPEG_EXIF_BYTES_MAX;
  const jpeg = image.jpeg({ quality, chromaSubsampling: "4:4:4" });
  const bytes = await (hasXmp ? jpeg.withXmp(xmp) : jpeg).toBuffer();
  const missing = [...(hasXmp ? [] : ["record"]), ...(hasExif ? [] : ["parameters text"])];
  return {
    bytes: hasExif ? insertJpegExif(bytes, exif) : bytes,
    notes: missing.map(
      (what) => `the picture carries no ${what}: the prompts are too long for a JPEG's 64 KiB`,
    ),
  };
}

/** ComfyUI's window takes the graph out of a WebP's camera fields. Source: ComfyUI front end, scripts/pnginfo. */
async function encodeWebp(image: Sharp, { record, quality }: EncodeOptions): Promise<Uint8Array> {
  const webp = await image.webp({ quality, effort: WEBP_EFFORT }).withXmp(writeXmp(record)).toBuffer();
  const { prompt, workflow } = comfyTexts(record);
  const exif = { make: `workflow:${workflow}`, model: `prompt:${prompt}` };
  return insertWebpExif(webp, writeExif({ ...exif, userComment: parametersText(record) }));
}

/**
 * Encodes a preview as a small JPEG.
 * @throws {RangeError} `rgb` has not 3 bytes per pixel.
 */
export async function encodePreview(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return openRgb(rgb, width, height).jpeg({ quality: PREVIEW_QUALITY }).toBuffer();
}

function openRgb(rgb: Uint8Array, width: number, height: number): Sharp {
  if (rgb.length !== width * height * 3) {
    throw new RangeError(`Cannot encode a picture of ${width}x${height}: rgb is ${rgb.length} bytes`);
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}
