import { FarmError } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import { headerLength, parseHeader, type SafetensorsHeader } from "./header.js";
import {
  HEADER_BYTES_MAX,
  METADATA_COUNT_MAX,
  NAME_LENGTH_MAX,
  RANK_MAX,
  TENSOR_COUNT_MAX,
} from "./limits.js";

/** Length prefix and header text as bytes. */
function head(text: string | Uint8Array): Buffer {
  const body = Buffer.from(text);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(body.length));
  return Buffer.concat([prefix, body]);
}

/** Parses a header whose tensors take `dataBytes` bytes. */
function parse(text: string | Uint8Array, dataBytes: number): SafetensorsHeader {
  const bytes = head(text);
  return parseHeader(bytes, bytes.length + dataBytes);
}

function expectInvalid(action: () => unknown, message: RegExp): void {
  expect(action).toThrow(FarmError);
  expect(action).toThrow(
    expect.objectContaining({ code: "file_invalid", message: expect.stringMatching(message) }),
  );
}

const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;

const TWO = `{"a":${entry("F32", "[2,3]", "[0,24]")},"b":${entry("F8_E4M3", "[5]", "[24,29]")}}`;

describe("parseHeader()", () => {
  it("places tensors at their offsets in the file", () => {
    const { tensors, metadata, fileBytes } = parse(TWO, 29);
    const start = 8 + TWO.length;
    expect([...tensors.values()]).toEqual([
      { name: "a", dtype: "F32", shape: [2, 3], byteOffset: start, byteLength: 24 },
      { name: "b", dtype: "F8_E4M3", shape: [5], byteOffset: start + 24, byteLength: 5 },
    ]);
    expect(metadata).toEqual({});
    expect(fileBytes).toBe(start + 29);
  });

  it("accepts an empty file, scalars, empty tensors, any order, white space and padding", () => {
    expect(parse("{}", 0).tensors.size).toBe(0);
    const spaced = `{ "late" :\n${entry("I64", "[]", "[ 2 , 10 ]")} ,\t"none":${entry("F32", "[0,7]", "[2,2]")},\r"early":${entry("BF16", "[1]", "[0,2]")} }   `;
    expect([...parse(spaced, 10).tensors.keys()]).toEqual(["late", "none", "early"]);
  });

  it("decodes escapes in names and metadata", () => {
    const text = `{"__metadata__":{"k\\u00e9y":"a\\n\\ud83d\\ude00 😀"},"x\\u002fy":${entry("U8", "[1]", "[0,1]")}}`;
    const { tensors, metadata } = parse(text, 1);
    expect(metadata).toEqual({ kéy: "a\n😀 😀" });
    expect(tensors.has("x/y")).toBe(true);
  });

  it("keeps __proto__ and constructor as plain names", () => {
    const text = `{"__metadata__":{"__proto__":"m","constructor":"c"},"__proto__":${entry("U8", "[1]", "[0,1]")}}`;
    const { tensors, metadata } = parse(text, 1);
    expect(tensors.get("__proto__")?.byteLength).toBe(1);
    expect(Object.keys(metadata)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
  });

  it("ignores the bytes after the header", () => {
    const bytes = Buffer.concat([head(TWO), Buffer.alloc(29, "}")]);
    expect(parseHeader(bytes, bytes.length).tensors.size).toBe(2);
  });

  it("rejects a key given twice at any level", () => {
    const one = entry("U8", "[1]", "[0,1]");
    expectInvalid(() => parse(`{"a":${one},"a":${one}}`, 1), /key "a" of the header is given twice/);
    expectInvalid(() => parse(`{"a":${one},"\\u0061":${one}}`, 1), /given twice/);
    expectInvalid(() => parse(`{"__metadata__":{},"__metadata__":{}}`, 0), /given twice/);
    expectInvalid(
      () => parse(`{"__metadata__":{"k":"1","k":"2"}}`, 0),
      /key "k" of __metadata__ is given twice/,
    );
    expectInvalid(
      () => parse(`{"a":{"dtype":"U8","dtype":"U8","shape":[]}}`, 1),
      /key "dtype" of tensor "a"/,
    );
  });

  it("rejects overlapping offsets, holes and bytes that belong to no tensor", () => {
    const pair = (first: string, second: string): string =>
      `{"a":${entry("U8", "[4]", first)},"b":${entry("U8", "[4]", second)}}`;
    expectInvalid(
      () => parse(pair("[0,4]", "[3,7]"), 7),
      /begin of tensor "b" is 3, expected 4 \(an overlap\)/,
    );
    expectInvalid(() => parse(pair("[0,4]", "[0,4]"), 4), /an overlap/);
    expectInvalid(() => parse(pair("[0,4]", "[5,9]"), 9), /begin of tensor "b" is 5, expected 4 \(a hole\)/);
    expectInvalid(() => parse(pair("[1,5]", "[5,9]"), 9), /a hole/);
    expectInvalid(() => parse(TWO, 30), /bytes after the last tensor/);
    expectInvalid(() => parse("{}", 1), /bytes after the last tensor/);
  });

  it("names expected and found bytes of a truncated download", () => {
    const expectedBytes = 8 + TWO.length + 29;
    const details = expect.objectContaining({ expectedBytes, foundBytes: expectedBytes - 1 });
    expect(() => parse(TWO, 28)).toThrow(expect.objectContaining({ code: "file_invalid", details }));
    expectInvalid(
      () => parse(TWO, 28),
      new RegExp(`size is ${expectedBytes - 1} bytes, expected ${expectedBytes}`),
    );
    expectInvalid(() => parseHeader(head(TWO), 20), /size is 20 bytes, expected \d+ for the header/);
    expectInvalid(() => parseHeader(head(TWO).subarray(0, 20), 10_000), /size is 20 bytes/);
    expectInvalid(() => parseHeader(head(TWO).subarray(0, 7), 7), /size is 7 bytes, expected 8/);
    expectInvalid(() => parseHeader(new Uint8Array(0), 0), /size is 0 bytes, expected 8/);
  });

  it("rejects sizes that do not follow from dtype and shape", () => {
    expectInvalid(() => parse(`{"a":${entry("F16", "[3]", "[0,5]")}}`, 5), /expected 6 bytes for F16 \[3\]/);
    expectInvalid(
      () => parse(`{"a":${entry("U8", "[1]", "[1,0]")}}`, 0),
      /data_offsets of tensor "a" is \[1, 0\]/,
    );
    const huge = `[${Number.MAX_SAFE_INTEGER},2,0]`;
    expectInvalid(() => parse(`{"a":${entry("U8", huge, "[0,0]")}}`, 0), /more than 2\^53 - 1 bytes/);
    expectInvalid(() => parse(`{"a":${entry("F64", "[2251799813685248]", "[0,0]")}}`, 0), /more than 2\^53/);
    expectInvalid(() => parse(`{"a":${entry("U8", "[9007199254740992]", "[0,0]")}}`, 0), /at most 2\^53 - 1/);
  });

  it.each(["-1", "1.0", "1e3", "01", '"1"', "null", "+1", "0x1", ""])("rejects %j as a size", (size) => {
    expectInvalid(() => parse(`{"a":${entry("U8", `[${size},1]`, "[0,1]")}}`, 1), /character \d+ is/);
  });

  it("rejects missing, unknown and wrong fields of a tensor", () => {
    expectInvalid(
      () => parse(`{"a":{"shape":[],"data_offsets":[0,1]}}`, 1),
      /dtype of tensor "a" is missing/,
    );
    expectInvalid(
      () => parse(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1),
      /shape of tensor "a" is missing/,
    );
    expectInvalid(() => parse(`{"a":{"dtype":"U8","shape":[]}}`, 1), /data_offsets of tensor "a" is not two/);
    expectInvalid(() => parse(`{"a":${entry("U8", "[]", "[0]")}}`, 1), /is not two integers/);
    expectInvalid(
      () => parse(`{"a":${entry("U8", "[]", "[0,1,1]")}}`, 1),
      /length of data_offsets.* more than 2/,
    );
    expectInvalid(
      () => parse(`{"a":{"dtype":"U8","strides":[1]}}`, 1),
      /field "strides" of tensor "a" is unknown/,
    );
    expectInvalid(() => parse(`{"a":${entry("F4", "[2]", "[0,1]")}}`, 1), /dtype of tensor "a" is "F4"/);
    expectInvalid(() => parse(`{"a":${entry("toString", "[2]", "[0,1]")}}`, 1), /dtype of tensor "a"/);
    expectInvalid(() => parse(`{"__metadata__":{"k":1}}`, 0), /expected "\\""/);
  });

  it.each([
    ["an array", "[]"],
    ["leading space", " {}"],
    ["a byte order mark", "\ufeff{}"],
    ["text after the end", "{}x"],
    ["a line feed as padding", "{}\n"],
    ["a NUL as padding", "{}\0"],
    ["an open object", "{ "],
    ["an open string", '{"a'],
    ["a backslash at the end", '{"a\\'],
    ["a trailing comma", `{"__metadata__":{},}`],
    ["a comment", "{/**/}"],
    ["a control character", `{"__metadata__":{"a\n":""}}`],
    ["an unknown escape", `{"__metadata__":{"\\x":""}}`],
    ["half a surrogate pair", `{"__metadata__":{"\\ud800":""}}`],
    ["deep nesting", `{"a":${"[".repeat(50_000)}`],
  ])("rejects %s", (_, text) => {
    expectInvalid(() => parse(text, 0), /^Cannot read header as safetensors: /);
  });

  it("rejects text that is not UTF-8", () => {
    const bytes = Buffer.concat([Buffer.from('{"'), Buffer.from([0xc3, 0x28]), Buffer.from('":1}')]);
    expectInvalid(() => parse(bytes, 0), /not UTF-8/);
  });

  it("cuts and escapes what it quotes from the file", () => {
    const text = `{"a":${entry(`\\n${"x".repeat(500)}`, "[]", "[0,1]")}}`;
    expectInvalid(() => parse(text, 1), /^[^\n]{0,200}$/);
  });

  it("holds each cap on both sides", () => {
    const named = (length: number): string => `{"${"n".repeat(length)}":${entry("U8", "[1]", "[0,1]")}}`;
    expect(parse(named(NAME_LENGTH_MAX), 1).tensors.size).toBe(1);
    expectInvalid(() => parse(named(NAME_LENGTH_MAX + 1), 1), /length of tensor name/);

    const ranked = (rank: number): string => `{"a":${entry("U8", `[${Array(rank).fill(1)}]`, "[0,1]")}}`;
    expect(parse(ranked(RANK_MAX), 1).tensors.get("a")?.shape).toHaveLength(RANK_MAX);
    expectInvalid(() => parse(ranked(RANK_MAX + 1), 1), /length of shape/);

    const metadata = (count: number): string =>
      `{"__metadata__":{${Array.from({ length: count }, (_, index) => `"${index}":""`)}}}`;
    expect(Object.keys(parse(metadata(METADATA_COUNT_MAX), 0).metadata)).toHaveLength(METADATA_COUNT_MAX);
    expectInvalid(() => parse(metadata(METADATA_COUNT_MAX + 1), 0), /number of keys of __metadata__/);

    const empty = entry("U8", "[0]", "[0,0]");
    const counted = (count: number): string =>
      `{"__metadata__":{},${Array.from({ length: count }, (_, index) => `"${index}":${empty}`)}}`;
    expect(parse(counted(TENSOR_COUNT_MAX), 0).tensors.size).toBe(TENSOR_COUNT_MAX);
    expectInvalid(() => parse(counted(TENSOR_COUNT_MAX + 1), 0), /number of keys of the header/);
  });
});

describe("headerLength()", () => {
  const prefix = (length: bigint): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(length);
    return bytes;
  };

  it("holds the format's bounds on both sides", () => {
    const fileBytes = HEADER_BYTES_MAX + 100;
    expect(headerLength(prefix(2n), fileBytes)).toBe(2);
    expect(headerLength(prefix(BigInt(HEADER_BYTES_MAX)), fileBytes)).toBe(HEADER_BYTES_MAX);
    expectInvalid(() => headerLength(prefix(1n), fileBytes), /header length is 1 bytes/);
    expectInvalid(
      () => headerLength(prefix(BigInt(HEADER_BYTES_MAX) + 1n), fileBytes),
      /header length is 100000001/,
    );
    expectInvalid(
      () => headerLength(prefix(2n ** 64n - 1n), fileBytes),
      /header length is 18446744073709551615/,
    );
  });
});
