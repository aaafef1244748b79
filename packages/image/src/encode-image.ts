import type { FrameParams, OutputFormat, PrecisionPlanName } from "@latentfarm/contract";
import sharp, { type Sharp } from "sharp";
import { parametersText } from "./parameters-text.js";
import { insertText } from "./png-text.js";

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
  /** What the picture was drawn from; a PNG carries it as text. */
  readonly parameters: FrameParams;
  /** How it was computed; stands beside the parameters. */
  readonly plan: PrecisionPlanName;
}

/** zlib level of PNG: 6 is zlib's own default; 9 took twice as long for 1 percent less on drawn pictures. */
const PNG_LEVEL = 6;
/** Effort of WebP, 0..6: sharp's default, named so that bytes do not change with it. */
const WEBP_EFFORT = 4;
/** Percent of a preview: it is looked at for a second and sent many times. */
const PREVIEW_QUALITY = 70;

/**
 * Encodes a picture. Equal input gives equal bytes: settings are fixed and no time is written.
 * @throws {RangeError} `rgb` has not 3 bytes per pixel.
 */
export async function encodeImage(options: EncodeOptions): Promise<Uint8Array> {
  const image = openRgb(options.rgb, options.width, options.height);
  switch (options.format) {
    case "png": {
      const png = await image
        .png({ compressionLevel: PNG_LEVEL, adaptiveFiltering: true, palette: false })
        .toBuffer();
      return insertText(png, "parameters", parametersText(options.parameters, options.plan));
    }
    case "jpeg":
      return image.jpeg({ quality: options.quality, chromaSubsampling: "4:4:4" }).toBuffer();
    case "webp":
      return image.webp({ quality: options.quality, effort: WEBP_EFFORT }).toBuffer();
  }
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
