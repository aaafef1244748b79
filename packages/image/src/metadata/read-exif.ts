import { COMMENT_CODE, EXIF_KIND, EXIF_TAG, type ExifTexts } from "./exif.js";

const PREFIX = Buffer.from("Exif\0\0", "latin1");
const TIFF_HEADER_BYTES = 8;
const ENTRY_BYTES = 12;
const INLINE_BYTES = 4;
/** Entries of a directory that are looked at: cameras write some 60. */
const ENTRIES_MAX = 512;
const CODE_BYTES = 8;
/** The first and the last character that can be seen. */
const ASCII_MIN = 0x20;
const ASCII_MAX = 0x7e;

/** A TIFF file whose numbers are read in its own byte order. */
interface Tiff {
  readonly file: Buffer;
  readonly isLittle: boolean;
}

/**
 * The texts of an Exif block that tell how a picture was drawn. What is damaged, or points out of the block, counts as
 * absent. Source: TIFF 6.0, section 2; Exif 2.32, 4.6.
 */
export function readExif(block: Uint8Array): ExifTexts {
  const whole = Buffer.from(block.buffer, block.byteOffset, block.length);
  const file = PREFIX.equals(whole.subarray(0, PREFIX.length)) ? whole.subarray(PREFIX.length) : whole;
  const order = file.toString("latin1", 0, 2);
  if (file.length < TIFF_HEADER_BYTES || (order !== "II" && order !== "MM")) return {};
  const tiff = { file, isLittle: order === "II" };
  const main = readDirectory(tiff, long(tiff, 4));
  const make = main.get(EXIF_TAG.make);
  const model = main.get(EXIF_TAG.model);
  const pointer = main.get(EXIF_TAG.exifDirectory);
  const inner = pointer?.length === 4 ? readDirectory(tiff, numberOf(tiff, pointer)) : undefined;
  const comment = inner?.get(EXIF_TAG.userComment);
  const userComment = comment && decodeComment(comment, tiff.isLittle);
  return {
    ...(make && { make: asciiText(make) }),
    ...(model && { model: asciiText(model) }),
    ...(userComment !== undefined && { userComment }),
  };
}

function readDirectory(tiff: Tiff, at: number): ReadonlyMap<number, Buffer> {
  const { file } = tiff;
  const values = new Map<number, Buffer>();
  if (at + 2 > file.length) return values;
  const count = Math.min(short(tiff, at), ENTRIES_MAX);
  for (let index = 0; index < count; index++) {
    const entry = at + 2 + index * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > file.length) break;
    const value = readValue(tiff, entry);
    if (value !== undefined) values.set(short(tiff, entry), value);
  }
  return values;
}

/** The bytes of a text, of unknown bytes or of one number; other kinds say nothing about how a picture was drawn. */
function readValue(tiff: Tiff, entry: number): Buffer | undefined {
  const kind = short(tiff, entry + 2);
  const count = long(tiff, entry + 4);
  const isLong = kind === EXIF_KIND.long;
  if (isLong && count !== 1) return undefined;
  if (!isLong && kind !== EXIF_KIND.ascii && kind !== EXIF_KIND.bytes) return undefined;
  const bytes = isLong ? INLINE_BYTES : count;
  const at = bytes <= INLINE_BYTES ? entry + CODE_BYTES : long(tiff, entry + CODE_BYTES);
  return at + bytes > tiff.file.length ? undefined : tiff.file.subarray(at, at + bytes);
}

function decodeComment(value: Buffer, isLittle: boolean): string | undefined {
  const code = value.subarray(0, CODE_BYTES);
  const text = value.subarray(CODE_BYTES);
  if (COMMENT_CODE.unicode.equals(code)) return decodeUtf16(text, isLittle);
  return COMMENT_CODE.ascii.equals(code) || code.every((byte) => byte === 0) ? asciiText(text) : undefined;
}

/**
 * The order is not the block's for every writer: piexif's is always big-endian, and others turn the block around it. So
 * it follows from the order in which more of the text is ASCII; each line of settings has a hundred such characters.
 */
function decodeUtf16(bytes: Buffer, isLittle: boolean): string {
  const even = bytes.subarray(0, bytes.length & ~1);
  let lead = 0;
  for (let at = 0; at < even.length; at += 2) {
    lead += Number(isAscii(even[at], even[at + 1])) - Number(isAscii(even[at + 1], even[at]));
  }
  const little = lead === 0 ? isLittle : lead > 0;
  return (little ? even : Buffer.from(even).swap16()).toString("utf16le");
}

function isAscii(low: number | undefined, high: number | undefined): boolean {
  return high === 0 && low !== undefined && low >= ASCII_MIN && low <= ASCII_MAX;
}

/** Up to the first zero, if there is one; in UTF-8, of which ASCII is a part. */
function asciiText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("utf8", 0, end < 0 ? bytes.length : end);
}

function numberOf({ isLittle }: Tiff, value: Buffer): number {
  return isLittle ? value.readUInt32LE() : value.readUInt32BE();
}

function short({ file, isLittle }: Tiff, at: number): number {
  return isLittle ? file.readUInt16LE(at) : file.readUInt16BE(at);
}

function long({ file, isLittle }: Tiff, at: number): number {
  return isLittle ? file.readUInt32LE(at) : file.readUInt32BE(at);
}
