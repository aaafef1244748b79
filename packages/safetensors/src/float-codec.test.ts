import { describe, expect, it } from "vitest";
import type { Dtype } from "./dtype.js";
import { decodeFloat32, encodeFloat32, isFloatDtype } from "./float-codec.js";

/** All codes of an 8-bit format, or of a 16-bit one in little-endian order. */
function allCodes(bytes: 1 | 2): Uint8Array {
  if (bytes === 1) return Uint8Array.from({ length: 256 }, (_, code) => code);
  return new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, code) => code).buffer);
}

/** The value of a code, from the definition in the standard: (-1)^s 2^(e-bias) 1.m, or 2^(1-bias) 0.m for e = 0. */
function define(code: number, format: { exponentBits: number; mantissaBits: number; ieee: boolean }): number {
  const { exponentBits, mantissaBits, ieee } = format;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = (code >> (exponentBits + mantissaBits)) & 1 ? -1 : 1;
  const exponent = (code >> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (code & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const top = exponent === 2 ** exponentBits - 1;
  if (ieee && top) return fraction === 0 ? sign * Infinity : NaN;
  if (!ieee && top && fraction === 1 - 2 ** -mantissaBits) return NaN;
  return exponent === 0 ? sign * 2 ** (1 - bias) * fraction : sign * 2 ** (exponent - bias) * (1 + fraction);
}

const FORMATS = [
  { dtype: "F16", bytes: 2, exponentBits: 5, mantissaBits: 10, ieee: true },
  { dtype: "BF16", bytes: 2, exponentBits: 8, mantissaBits: 7, ieee: true },
  { dtype: "F8_E4M3", bytes: 1, exponentBits: 4, mantissaBits: 3, ieee: false },
  { dtype: "F8_E5M2", bytes: 1, exponentBits: 5, mantissaBits: 2, ieee: true },
] as const;

function encodeOne(dtype: Dtype, value: number): number {
  const bytes = encodeFloat32(dtype, Float32Array.of(value));
  return bytes.length === 2 ? (bytes[0] ?? 0) + (bytes[1] ?? 0) * 256 : (bytes[0] ?? 0);
}

describe("decodeFloat32()", () => {
  it.each(FORMATS)("gives each code of $dtype its defined value", ({ dtype, bytes, ...format }) => {
    const values = decodeFloat32(dtype, allCodes(bytes));
    expect(values.length).toBe(2 ** (8 * bytes));
    for (const [code, value] of values.entries()) {
      if (!Object.is(value, define(code, format)))
        expect([code, value]).toEqual([code, define(code, format)]);
    }
  });

  it("knows the landmarks of float8 by heart", () => {
    const e4m3 = decodeFloat32("F8_E4M3", Uint8Array.of(0x01, 0x38, 0x7e, 0x7f, 0x80, 0xfe));
    expect([...e4m3]).toEqual([2 ** -9, 1, 448, NaN, -0, -448]);
    const e5m2 = decodeFloat32("F8_E5M2", Uint8Array.of(0x01, 0x3c, 0x7b, 0x7c, 0x7d, 0xfc));
    expect([...e5m2]).toEqual([2 ** -16, 1, 57_344, Infinity, NaN, -Infinity]);
  });

  it("reads F32 and F64 at odd addresses and owns the result", () => {
    const source = new Uint8Array(9 + 16);
    const view = new DataView(source.buffer);
    view.setFloat32(1, 1.5, true);
    view.setFloat64(9, 0.1, true);
    const single = decodeFloat32("F32", source.subarray(1, 5));
    expect([...single]).toEqual([1.5]);
    expect([...decodeFloat32("F64", source.subarray(9, 17))]).toEqual([Math.fround(0.1)]);
    source.fill(0);
    expect([...single]).toEqual([1.5]);
  });

  it("rejects integers and broken elements", () => {
    expect(() => decodeFloat32("I64", new Uint8Array(8))).toThrow(TypeError);
    expect(() => decodeFloat32("F32", new Uint8Array(7))).toThrow(RangeError);
    expect(() => decodeFloat32("F16", new Uint8Array(3))).toThrow(RangeError);
  });
});

describe("encodeFloat32()", () => {
  it.each(FORMATS)("gives back each code of $dtype that is a number", ({ dtype, bytes, ...format }) => {
    const codes = allCodes(bytes);
    const encoded = encodeFloat32(dtype, decodeFloat32(dtype, codes));
    for (let code = 0; code < 2 ** (8 * bytes); code += 1) {
      if (Number.isNaN(define(code, format))) continue;
      const at = code * bytes;
      const same = encoded[at] === codes[at] && (bytes === 1 || encoded[at + 1] === codes[at + 1]);
      if (!same) expect(code).toBe("encoded to itself");
    }
    expect(Number.isNaN(decodeFloat32(dtype, encodeFloat32(dtype, Float32Array.of(NaN)))[0])).toBe(true);
  });

  it.each(FORMATS)("rounds $dtype to the nearest, ties to the even code", ({ dtype, bytes, ...format }) => {
    const finite = Array.from({ length: 2 ** (8 * bytes - 1) }, (_, code) => define(code, format)).filter(
      Number.isFinite,
    );
    for (let code = 0; code + 1 < finite.length; code += bytes === 1 ? 1 : 97) {
      const [low, high] = [finite[code] ?? NaN, finite[code + 1] ?? NaN];
      const even = code % 2 === 0 ? code : code + 1;
      expect(encodeOne(dtype, (low + high) / 2)).toBe(even);
      expect(encodeOne(dtype, low * 0.51 + high * 0.49)).toBe(code);
      expect(encodeOne(dtype, low * 0.49 + high * 0.51)).toBe(code + 1);
    }
  });

  it("leaves the range as PyTorch does", () => {
    expect(encodeOne("F8_E4M3", 464)).toBe(0x7e); // the tie between 448 and the missing 480
    expect(encodeOne("F8_E4M3", 465)).toBe(0x7f);
    expect(encodeOne("F8_E4M3", -Infinity)).toBe(0xff);
    expect(encodeOne("F8_E5M2", 61_440)).toBe(0x7c);
    expect(encodeOne("F8_E5M2", 61_439)).toBe(0x7b);
    expect(encodeOne("F16", 65_519)).toBe(0x7bff);
    expect(encodeOne("F16", -65_520)).toBe(0xfc00);
    expect(encodeOne("BF16", 3.4e38)).toBe(0x7f80);
    expect(encodeOne("F8_E4M3", 1e-30)).toBe(0);
    expect(encodeOne("F8_E4M3", -1e-45)).toBe(0x80);
  });

  it("keeps F32 in every bit and rejects integers", () => {
    const values = Float32Array.of(1e-45, -0, 3.4e38, Infinity);
    expect(decodeFloat32("F32", encodeFloat32("F32", values))).toEqual(values);
    expect(decodeFloat32("F64", encodeFloat32("F64", values))).toEqual(values);
    expect(() => encodeFloat32("BOOL", values)).toThrow(TypeError);
  });

  it("encodes a part of a larger array", () => {
    const part = Float32Array.of(9, 1, -2, 9).subarray(1, 3);
    expect([...decodeFloat32("BF16", encodeFloat32("BF16", part))]).toEqual([1, -2]);
    expect([...decodeFloat32("F32", encodeFloat32("F32", part))]).toEqual([1, -2]);
  });
});

describe("isFloatDtype()", () => {
  it("tells floats from integers", () => {
    const dtypes: Dtype[] = ["F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I32", "U8", "BOOL"];
    expect(dtypes.map(isFloatDtype)).toEqual([
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
