import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COMMENT_CODE, EXIF_KIND, EXIF_TAG, writeExif } from "./exif.js";
import { insertJpegExif, JPEG_EXIF_BYTES_MAX } from "./insert-exif.js";
import { readExif } from "./read-exif.js";

/** A little-endian block that holds one user comment and nothing else, as other programs write it. */
function littleBlock(comment: Uint8Array): Buffer {
  const head = Buffer.alloc(44);
  head.write("II*\0\x08\0\0\0\x01\0", "latin1");
  head.writeUInt16LE(EXIF_TAG.exifDirectory, 10);
  head.writeUInt16LE(EXIF_KIND.long, 12);
  head.writeUInt32LE(1, 14);
  head.writeUInt32LE(26, 18);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(EXIF_TAG.userComment, 28);
  head.writeUInt16LE(EXIF_KIND.bytes, 30);
  head.writeUInt32LE(comment.length, 32);
  head.writeUInt32LE(head.length, 36);
  return Buffer.concat([head, comment]);
}

const utf16 = (text: string) => Buffer.from(text, "utf16le");

describe("writeExif()", () => {
  it("writes big-endian UTF-16, as piexif does for AUTOMATIC1111", () => {
    // piexif 1.1.3 gives the same but for the 4 zeros that end the inner directory, which TIFF asks for.
    expect(Buffer.from(writeExif({ userComment: "ab" })).toString("hex")).toBe(
      [
        "4d4d002a00000008",
        "0001876900040000000100000" + "01a00000000",
        "0001928600070000000c0000002c00000000",
        "554e49434f444500",
        "00610062",
      ].join(""),
    );
  });
});

describe("readExif()", () => {
  it("reads what writeExif() writes", () => {
    const text = fc.string({ unit: "grapheme" }).map((value) => value.replaceAll("\0", ""));
    // The order is guessed by the ASCII in a text, of which each line of settings has a hundred characters.
    const settings = "Steps: 20, Sampler: Euler, CFG scale: 7";
    const ascii = fc.string({ unit: "grapheme-ascii", minLength: 4 });
    fc.assert(
      fc.property(fc.option(text, { nil: undefined }), ascii, ascii, (comment, make, model) => {
        const texts = {
          ...(comment !== undefined && { userComment: `${comment}\n${settings}` }),
          make,
          model,
        };
        expect(readExif(writeExif(texts))).toEqual(texts);
      }),
    );
  });

  it.each([
    ["UTF-16 in the block's order", COMMENT_CODE.unicode, utf16("a sun")],
    ["UTF-16 in the other order", COMMENT_CODE.unicode, utf16("a sun").swap16()],
    ["ASCII", COMMENT_CODE.ascii, Buffer.from("a sun\0rest")],
    ["bytes without a code", Buffer.alloc(8), Buffer.from("a sun")],
  ])("reads a little-endian block with %s", (_name, code, text) => {
    expect(readExif(littleBlock(Buffer.concat([code, text])))).toEqual({ userComment: "a sun" });
  });

  it("takes the name that JPEGs put before a block", () => {
    const block = writeExif({ userComment: "a" });
    expect(readExif(Buffer.concat([Buffer.from("Exif\0\0"), block]))).toEqual({ userComment: "a" });
  });

  it("finds nothing in what is damaged, and never throws", () => {
    const whole = writeExif({ userComment: "a sun", make: "workflow:{}", model: "prompt:{}" });
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(fc.nat(whole.length), changes, (length, changed) => {
        const block = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changed) if (at < block.length) block[at] = value;
        for (const text of Object.values(readExif(block))) expect(typeof text).toBe("string");
      }),
      { numRuns: 2_000 },
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void readExif(bytes)));
  });
});

describe("insertJpegExif()", () => {
  it("stands after JFIF, else first, and refuses what a segment cannot hold", () => {
    const block = Uint8Array.of(1, 2);
    const segment = "ffe1000a4578696600000102";
    const hex = (jpeg: string) =>
      Buffer.from(insertJpegExif(Buffer.from(jpeg, "hex"), block)).toString("hex");
    expect(hex("ffd8ffdb")).toBe(`ffd8${segment}ffdb`);
    expect(hex("ffd8ffe00003aaffdb")).toBe(`ffd8ffe00003aa${segment}ffdb`);
    const jpeg = Buffer.from("ffd8ffdb", "hex");
    expect(() => insertJpegExif(jpeg, new Uint8Array(JPEG_EXIF_BYTES_MAX))).not.toThrow();
    expect(() => insertJpegExif(jpeg, new Uint8Array(JPEG_EXIF_BYTES_MAX + 1))).toThrow(RangeError);
  });
});
