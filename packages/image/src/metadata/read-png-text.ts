import { inflateSync } from "node:zlib";
import type { NamedText } from "../png-text.js";

/** Bytes of all texts of one picture, inflated: ComfyUI's largest workflows have some 1 MB. */
export const TEXT_BYTES_MAX = 8_388_608;
/** Chunks that are looked at: a picture of 64 MiB in the smallest usual chunks of 8 kB has as many. */
const CHUNKS_MAX = 8_192;
const SIGNATURE_BYTES = 8;
const HEADER_BYTES = 8;
const CRC_BYTES = 4;
/** Bytes of a keyword. Source: W3C PNG specification, 11.3.3. */
const KEYWORD_BYTES_MAX = 79;
/** After an iTXt's keyword: compression flag and method. */
const FLAGS_BYTES = 2;

/**
 * The texts of a PNG in their order: tEXt, zTXt, iTXt. A text that is damaged, or past `TEXT_BYTES_MAX` with those
 * before it, is passed over; check sums are not looked at. Source: W3C PNG specification, 11.3.3.
 */
export function readPngTexts(png: Uint8Array): NamedText[] {
  const file = Buffer.from(png.buffer, png.byteOffset, png.length);
  const texts: NamedText[] = [];
  let room = TEXT_BYTES_MAX;
  let at = SIGNATURE_BYTES;
  for (let chunk = 0; chunk < CHUNKS_MAX && at + HEADER_BYTES <= file.length; chunk++) {
    const length = file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + HEADER_BYTES);
    const begin = at + HEADER_BYTES;
    const end = begin + length;
    if (type === "IEND" || end > file.length) break;
    const text = readText(type, file.subarray(begin, end), room);
    if (text !== undefined) {
      texts.push([text.keyword, decode(text.bytes)]);
      room -= text.bytes.length;
    }
    at = end + CRC_BYTES;
  }
  return texts;
}

interface FoundText {
  readonly keyword: string;
  readonly bytes: Buffer;
}

function readText(type: string, data: Buffer, room: number): FoundText | undefined {
  if (type !== "tEXt" && type !== "zTXt" && type !== "iTXt") return undefined;
  const nul = data.subarray(0, KEYWORD_BYTES_MAX + 1).indexOf(0);
  if (nul < 1) return undefined;
  const keyword = data.toString("latin1", 0, nul);
  const bytes = textBytes(type, data.subarray(nul + 1), room);
  return bytes === undefined || bytes.length > room ? undefined : { keyword, bytes };
}

function textBytes(type: "tEXt" | "zTXt" | "iTXt", rest: Buffer, room: number): Buffer | undefined {
  if (type === "tEXt") return rest;
  if (type === "zTXt") return inflate(rest.subarray(1), room);
  const language = rest.indexOf(0, FLAGS_BYTES);
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const text = rest.subarray(translated + 1);
  return rest[0] === 1 ? inflate(text, room) : text;
}

function inflate(bytes: Buffer, room: number): Buffer | undefined {
  try {
    return inflateSync(bytes, { maxOutputLength: Math.max(room, 1) });
  } catch {
    return undefined;
  }
}

/** iTXt is UTF-8, and many write UTF-8 into the others too; what is none is Latin-1, as the format has it. */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
