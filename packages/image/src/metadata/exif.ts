/** Tags of the main image's directory. Source: TIFF 6.0 and Exif 2.32. */
export const EXIF_TAG = { make: 0x010f, model: 0x0110, exifDirectory: 0x8769, userComment: 0x9286 } as const;

/** Kinds of values, by the codes of TIFF. */
export const EXIF_KIND = { ascii: 2, long: 4, bytes: 7 } as const;

/** What stands before the text of a user comment and says how it is written: 8 bytes each. */
export const COMMENT_CODE = {
  ascii: Buffer.from("ASCII\0\0\0", "latin1"),
  unicode: Buffer.from("UNICODE\0", "latin1"),
} as const;

const HEADER = Buffer.from("MM\0*\0\0\0\x08", "latin1");
const COUNT_BYTES = 2;
const ENTRY_BYTES = 12;
const NEXT_BYTES = 4;
/** Values up to this many bytes stand in the entry itself. */
const INLINE_BYTES = 4;

interface Entry {
  readonly tag: number;
  readonly kind: number;
  readonly data: Buffer;
}

/** Texts of an Exif block. */
export interface ExifTexts {
  readonly userComment?: string;
  /** ASCII; other characters are lost. */
  readonly make?: string;
  /** As `make`. */
  readonly model?: string;
}

/**
 * Writes an Exif block, big-endian as AUTOMATIC1111's writer (piexif) does, with the user comment in UTF-16. sharp's
 * own writer knows no comment outside of ASCII, and AUTOMATIC1111 reads no other form.
 * Source: TIFF 6.0, section 2; Exif 2.32, 4.6.3 and table 9.
 */
export function writeExif({ userComment, make, model }: ExifTexts): Uint8Array {
  const main: Entry[] = [];
  if (make !== undefined) main.push(asciiEntry(EXIF_TAG.make, make));
  if (model !== undefined) main.push(asciiEntry(EXIF_TAG.model, model));
  if (userComment === undefined) return Buffer.concat([HEADER, directory(main, HEADER.length)]);
  const offset = Buffer.alloc(INLINE_BYTES);
  main.push({ tag: EXIF_TAG.exifDirectory, kind: EXIF_KIND.long, data: offset });
  const data = Buffer.concat([COMMENT_CODE.unicode, Buffer.from(userComment, "utf16le").swap16()]);
  const begin = HEADER.length + directory(main, HEADER.length).length;
  offset.writeUInt32BE(begin);
  const exif = directory([{ tag: EXIF_TAG.userComment, kind: EXIF_KIND.bytes, data }], begin);
  return Buffer.concat([HEADER, directory(main, HEADER.length), exif]);
}

function asciiEntry(tag: number, text: string): Entry {
  return { tag, kind: EXIF_KIND.ascii, data: Buffer.from(`${text}\0`, "latin1") };
}

/** A directory that begins at an offset, its values after it, each at an even offset. */
function directory(entries: readonly Entry[], begin: number): Buffer {
  const head = Buffer.alloc(COUNT_BYTES + ENTRY_BYTES * entries.length + NEXT_BYTES);
  head.writeUInt16BE(entries.length);
  const values: Buffer[] = [];
  let valuesAt = begin + head.length;
  for (const [index, { tag, kind, data }] of entries.entries()) {
    const at = COUNT_BYTES + ENTRY_BYTES * index;
    head.writeUInt16BE(tag, at);
    head.writeUInt16BE(kind, at + 2);
    head.writeUInt32BE(kind === EXIF_KIND.long ? 1 : data.length, at + 4);
    if (data.length <= INLINE_BYTES) data.copy(head, at + 8);
    else {
      head.writeUInt32BE(valuesAt, at + 8);
      const padded = data.length % 2 === 0 ? data : Buffer.concat([data, Buffer.alloc(1)]);
      values.push(padded);
      valuesAt += padded.length;
    }
  }
  return Buffer.concat([head, ...values]);
}
