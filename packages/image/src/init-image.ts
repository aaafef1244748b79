import { FarmError, fieldsError, LIMITS } from "@latentfarm/contract";
import sharp, { type Metadata, type Sharp } from "sharp";
import { sniffFormat } from "./sniff-format.js";

/** Seconds that decoding and cutting may take: the largest image allowed takes about one on one core. */
const DECODE_SECONDS_MAX = 10;

/** zlib level of the stored image: it lives as long as its job, so time counts more than its last bytes. */
const PNG_LEVEL = 3;

/** The size to cut an image to, in pixels. */
export interface InitImageSize {
  readonly width: number;
  readonly height: number;
}

/** Raw pixels. */
export interface RgbPicture extends InitImageSize {
  /** ``uint8 [height, width, 3]`` */
  readonly rgb: Uint8Array;
}

/**
 * Reads the image that a client sent as text: base64, or a data URI of it. Line breaks and other ASCII white space are
 * passed over, since `base64` and MIME encoders wrap their lines. No address is ever fetched.
 * @throws {FarmError} invalid_request, naming the field `image`
 */
export function decodeImageText(wrapped: string): Uint8Array {
  const text = wrapped.replace(/[\t\n\f\r ]+/g, "");
  const comma = text.startsWith("data:") ? text.indexOf(",") : -1;
  const head = text.slice(0, Math.max(comma, 0));
  if (text.startsWith("data:") && !/^data:image\/(?:png|jpeg|webp);base64$/.test(head)) {
    throw refused("must be base64, or a data URI of image/png, image/jpeg or image/webp in base64");
  }
  const start = comma + 1;
  let end = text.length;
  while (end > start && end > text.length - 2 && text[end - 1] === "=") end -= 1;
  const bytes = Buffer.from(text.slice(start, end), "base64");
  const characters = end - start;
  // Node's decoder passes over what is no base64; then fewer bytes come out than the characters stand for.
  const whole = characters % 4 !== 1 && bytes.length === Math.floor((characters * 3) / 4);
  if (bytes.length === 0 || !whole) {
    throw refused("must be base64 of a PNG, JPEG or WebP");
  }
  return bytes;
}

/**
 * Makes of a client's image the one that a picture starts from: a plain RGB PNG of the picture's size, turned as its
 * EXIF says, enlarged or shrunk with Lanczos to cover the size and cut around its centre. Alpha and metadata are
 * dropped, colours become sRGB. Type and size are looked at before anything is decoded.
 * @throws {FarmError} invalid_request, naming the field `image`
 */
export async function normalizeInitImage(bytes: Uint8Array, size: InitImageSize): Promise<Uint8Array> {
  if (sniffFormat(bytes) === undefined) throw refused("must be a PNG, JPEG or WebP");
  try {
    // The header alone: with a limit of its own, sharp would only say that the image is refused.
    checkSize(await sharp(bytes, { limitInputPixels: false }).metadata());
    return await openHostile(bytes)
      .autoOrient()
      .removeAlpha()
      .toColourspace("srgb")
      .resize({ ...size, fit: "cover", position: "centre", kernel: "lanczos3" })
      .png({ compressionLevel: PNG_LEVEL, palette: false })
      .toBuffer();
  } catch (cause) {
    throw cause instanceof FarmError ? cause : refused("is damaged: it cannot be decoded");
  }
}

/**
 * The pixels of an image that {@link normalizeInitImage} has made.
 * @throws {FarmError} file_invalid when it cannot be decoded
 */
export async function decodeRgb(png: Uint8Array): Promise<RgbPicture> {
  try {
    const { data, info } = await openHostile(png).removeAlpha().toColourspace("srgb").raw().toBuffer({
      resolveWithObject: true,
    });
    return { rgb: new Uint8Array(data), width: info.width, height: info.height };
  } catch (cause) {
    throw new FarmError("file_invalid", "Cannot decode the stored image as PNG: content is damaged", {
      cause,
    });
  }
}

function openHostile(bytes: Uint8Array): Sharp {
  return sharp(bytes, {
    limitInputPixels: LIMITS.image_pixels_max,
    failOn: "warning",
    sequentialRead: true,
    pages: 1,
  }).timeout({ seconds: DECODE_SECONDS_MAX });
}

function checkSize({ width, height, pages = 1 }: Metadata): void {
  if (pages > 1) throw refused(`must hold one picture, has ${pages}`);
  const side = Math.max(width, height);
  if (side > LIMITS.image_px_max) {
    throw refused(`must be at most ${LIMITS.image_px_max} pixels a side, is ${side} (limit image_px_max)`);
  }
  const pixels = width * height;
  if (pixels > LIMITS.image_pixels_max) {
    const max = LIMITS.image_pixels_max;
    throw refused(`must be at most ${max} pixels, is ${width}x${height} (limit image_pixels_max)`);
  }
}

function refused(message: string): FarmError {
  return fieldsError("the job", [{ path: "image", message }]);
}
