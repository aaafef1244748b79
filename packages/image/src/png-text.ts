import { crc32 } from "node:zlib";

/** The name under which a PNG keeps XMP. Source: ISO 16684-3, "PNG". */
export const PNG_XMP_KEYWORD = "XML:com.adobe.xmp";

/** Bytes of a PNG up to the end of its first chunk: signature 8, and IHDR's length 4, type 4, data 13, CRC 4. */
const HEADER_BYTES = 33;
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The CRC covers type and data, not the length before them. */
const LENGTH_BYTES = 4;
/** What every reader takes out of a tEXt chunk alike: some read its Latin-1 as UTF-8 (libvips does). */
const PLAIN = /^[\n\x20-\x7e]*$/;

/** A text of a picture under its name. */
export type NamedText = readonly [keyword: string, text: string];

/**
 * Writes texts into a PNG, right after its header: each as tEXt where ASCII suffices and as iTXt in UTF-8 otherwise,
 * the two chunks that AUTOMATIC1111's own writer (Pillow) uses and that readers look for.
 * Source: W3C PNG specification, 11.3.3 (tEXt, iTXt).
 * @throws {RangeError} the bytes do not begin as a PNG does.
 */
export function insertTexts(png: Uint8Array, texts: readonly NamedText[]): Uint8Array {
  if (png.length < HEADER_BYTES || !SIGNATURE.equals(png.subarray(0, SIGNATURE.length))) {
    throw new RangeError(`Cannot write text into a PNG: ${png.length} bytes without its header`);
  }
  const chunks = texts.map(textChunk);
  return Buffer.concat([png.subarray(0, HEADER_BYTES), ...chunks, png.subarray(HEADER_BYTES)]);
}

function textChunk([keyword, text]: NamedText): Buffer {
  if (PLAIN.test(text)) return createChunk("tEXt", Buffer.from(`${keyword}\0${text}`, "latin1"));
  // After the keyword: no compression (flag and method 0), and neither language nor translated keyword.
  const head = Buffer.from(`${keyword}\0\0\0\0\0`, "latin1");
  return createChunk("iTXt", Buffer.concat([head, Buffer.from(text, "utf8")]));
}

function createChunk(type: string, data: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(data.length);
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const check = Buffer.alloc(LENGTH_BYTES);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}
