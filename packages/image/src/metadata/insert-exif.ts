import { invariant } from "@latentfarm/contract";

const JPEG_START_BYTES = 2;
const APP0 = Buffer.from([0xff, 0xe0]);
const APP1 = Buffer.from([0xff, 0xe1]);
const EXIF_NAME = Buffer.from("Exif\0\0", "latin1");
const LENGTH_BYTES = 2;

/** Bytes of an Exif block in a JPEG: a segment's length has 16 bits and counts itself and the block's name. */
export const JPEG_EXIF_BYTES_MAX = 0xffff - LENGTH_BYTES - EXIF_NAME.length;

/** "RIFF", 4 bytes of length, "WEBP". */
const RIFF_HEADER_BYTES = 12;
const RIFF_LENGTH_AT = 4;
const CHUNK_HEADER_BYTES = 8;
/** The bit of the extended header that announces an Exif chunk. Source: WebP container specification, "VP8X". */
const EXIF_FLAG = 0x08;

/**
 * Writes an Exif block into a JPEG, first of its application segments, where readers look for it.
 * Source: Exif 2.32, 4.7.2.
 * @throws {RangeError} the block is longer than `JPEG_EXIF_BYTES_MAX`.
 */
export function insertJpegExif(jpeg: Uint8Array, exif: Uint8Array): Uint8Array {
  if (exif.length > JPEG_EXIF_BYTES_MAX) {
    throw new RangeError(
      `Cannot write Exif into a JPEG: bytes is ${exif.length}, at most ${JPEG_EXIF_BYTES_MAX}`,
    );
  }
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt16BE(LENGTH_BYTES + EXIF_NAME.length + exif.length);
  const at = endOfJfif(jpeg);
  return Buffer.concat([jpeg.subarray(0, at), APP1, length, EXIF_NAME, exif, jpeg.subarray(at)]);
}

/** A JFIF segment stands before all others. */
function endOfJfif(jpeg: Uint8Array): number {
  const view = Buffer.from(jpeg.buffer, jpeg.byteOffset, jpeg.length);
  const isJfif = APP0.equals(view.subarray(JPEG_START_BYTES, JPEG_START_BYTES + APP0.length));
  const markerEnd = JPEG_START_BYTES + APP0.length;
  return isJfif ? markerEnd + view.readUInt16BE(markerEnd) : JPEG_START_BYTES;
}

/**
 * Writes an Exif chunk into a WebP of the extended form, before its XMP as the format asks. A WebP that carries XMP
 * has that form. Source: WebP container specification, "Extended File Format".
 */
export function insertWebpExif(webp: Uint8Array, exif: Uint8Array): Uint8Array {
  const file = Buffer.from(webp);
  const headerAt = RIFF_HEADER_BYTES + CHUNK_HEADER_BYTES;
  invariant(chunkName(file, RIFF_HEADER_BYTES) === "VP8X", "a WebP with XMP is of the extended form");
  file.writeUInt8(file.readUInt8(headerAt) | EXIF_FLAG, headerAt);
  const header = Buffer.alloc(CHUNK_HEADER_BYTES);
  header.write("EXIF", "latin1");
  header.writeUInt32LE(exif.length, 4);
  const chunk = Buffer.concat([header, exif, Buffer.alloc(exif.length % 2)]);
  const at = xmpAt(file);
  const whole = Buffer.concat([file.subarray(0, at), chunk, file.subarray(at)]);
  whole.writeUInt32LE(whole.length - CHUNK_HEADER_BYTES, RIFF_LENGTH_AT);
  return whole;
}

function xmpAt(file: Buffer): number {
  let at = RIFF_HEADER_BYTES;
  while (at + CHUNK_HEADER_BYTES <= file.length && chunkName(file, at) !== "XMP ") {
    const bytes = file.readUInt32LE(at + 4);
    at += CHUNK_HEADER_BYTES + bytes + (bytes % 2);
  }
  return Math.min(at, file.length);
}

function chunkName(file: Buffer, at: number): string {
  return file.toString("latin1", at, at + 4);
}
