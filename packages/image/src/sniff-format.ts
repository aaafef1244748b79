import type { OutputFormat } from "@latentfarm/contract";

const PNG_MAGIC = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const JPEG_MAGIC = Buffer.from([0xff, 0xd8, 0xff]);
/** WebP is a RIFF file: the magic, 4 bytes of length, then its own name. */
const RIFF_MAGIC = Buffer.from("RIFF", "latin1");
const WEBP_NAME = Buffer.from("WEBP", "latin1");
const WEBP_NAME_OFFSET = 8;

/**
 * The picture format that bytes begin as, or undefined for any other: whoever sends a file decides its name and media
 * type, but not which decoder is let loose on it.
 */
export function sniffFormat(bytes: Uint8Array): OutputFormat | undefined {
  if (startsWith(bytes, PNG_MAGIC)) return "png";
  if (startsWith(bytes, JPEG_MAGIC)) return "jpeg";
  const webp = startsWith(bytes, RIFF_MAGIC) && startsWith(bytes.subarray(WEBP_NAME_OFFSET), WEBP_NAME);
  return webp ? "webp" : undefined;
}

function startsWith(bytes: Uint8Array, magic: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}
