import type { Dtype } from "./dtype.js";

/** A dtype that decodes to numbers. */
export type FloatDtype = "F64" | "F32" | "F16" | "BF16" | "F8_E4M3" | "F8_E5M2";

/** A binary float of at most 16 bits: sign, exponent, mantissa, from the top. */
interface FloatFormat {
  readonly bytes: 1 | 2;
  readonly mantissaBits: number;
  /** Exponent of the smallest normal value; subnormals share it. */
  readonly exponentMin: number;
  /** Largest code, sign apart, of a finite value; the codes above are `infinity`, if there is one, and NaN. */
  readonly finiteMax: number;
  readonly infinity: number | undefined;
}

/**
 * Sources: IEEE 754-2019 binary16; bfloat16 as the upper half of binary32; Micikevicius et al. 2022, "FP8 Formats
 * for Deep Learning" (arXiv 2209.05433): E5M2 follows IEEE, E4M3 has no infinity and NaN only at 0x7f.
 */
const FORMATS: Readonly<Record<"F16" | "BF16" | "F8_E4M3" | "F8_E5M2", FloatFormat>> = {
  F16: { bytes: 2, mantissaBits: 10, exponentMin: -14, finiteMax: 0x7bff, infinity: 0x7c00 },
  BF16: { bytes: 2, mantissaBits: 7, exponentMin: -126, finiteMax: 0x7f7f, infinity: 0x7f80 },
  F8_E4M3: { bytes: 1, mantissaBits: 3, exponentMin: -6, finiteMax: 0x7e, infinity: undefined },
  F8_E5M2: { bytes: 1, mantissaBits: 2, exponentMin: -14, finiteMax: 0x7b, infinity: 0x7c },
};

const FLOAT32_MANTISSA_BITS = 23;
const FLOAT32_EXPONENT_MASK = 0xff;
const FLOAT32_EXPONENT_BIAS = 127;

/** True for the dtypes that {@link decodeFloat32} and {@link encodeFloat32} know. */
export function isFloatDtype(dtype: Dtype): dtype is FloatDtype {
  return dtype === "F64" || dtype === "F32" || Object.hasOwn(FORMATS, dtype);
}

/**
 * Decodes little-endian elements to float32. Exact for all but F64, which rounds to nearest. The result owns its
 * memory. Runs on little-endian hosts, as onnxruntime-node does.
 * @throws {TypeError} for a dtype that is no float
 * @throws {RangeError} when `bytes` is no whole number of elements
 */
export function decodeFloat32(dtype: Dtype, bytes: Uint8Array): Float32Array {
  if (!isFloatDtype(dtype)) throw new TypeError(`Cannot decode ${dtype} as float32: dtype is no float`);
  switch (dtype) {
    case "F64":
      return Float32Array.from(new Float64Array(copyBuffer(bytes)));
    case "F32":
      return new Float32Array(copyBuffer(bytes));
    default:
      return decodeFormat(FORMATS[dtype], bytes);
  }
}

/**
 * Encodes numbers to little-endian elements, rounding to nearest, ties to even. A value beyond the largest finite
 * one becomes infinity, or NaN in F8_E4M3, which has none: what PyTorch's `.to(torch.float8_e4m3fn)` does.
 * @throws {TypeError} for a dtype that is no float
 */
export function encodeFloat32(dtype: Dtype, values: Float32Array): Uint8Array {
  if (!isFloatDtype(dtype)) throw new TypeError(`Cannot encode float32 as ${dtype}: dtype is no float`);
  switch (dtype) {
    case "F64":
      return new Uint8Array(Float64Array.from(values).buffer);
    case "F32":
      return new Uint8Array(copyBuffer(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
    default:
      return encodeFormat(FORMATS[dtype], values);
  }
}

/** The bytes in a buffer of their own, so that wider views start aligned. */
function copyBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function decodeFormat(format: FloatFormat, bytes: Uint8Array): Float32Array {
  const codes = format.bytes === 2 ? new Uint16Array(copyBuffer(bytes)) : bytes;
  const signBit = 1 << (format.bytes * 8 - 1);
  const implicitOne = 1 << format.mantissaBits;
  const quanta = quantumTable(format);
  const values = new Float32Array(codes.length);
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index]!;
    const magnitudeCode = code & (signBit - 1);
    const exponent = magnitudeCode >> format.mantissaBits;
    const mantissa = magnitudeCode & (implicitOne - 1);
    let magnitude = (exponent > 0 ? mantissa + implicitOne : mantissa) * quanta[exponent]!;
    if (magnitudeCode > format.finiteMax) magnitude = magnitudeCode === format.infinity ? Infinity : NaN;
    values[index] = code & signBit ? -magnitude : magnitude;
  }
  return values;
}

/** The value of the lowest mantissa bit for each biased exponent; exponent 0 holds the subnormals. */
function quantumTable(format: FloatFormat): Float64Array {
  const exponentCount = 1 << (format.bytes * 8 - 1 - format.mantissaBits);
  return Float64Array.from(
    { length: exponentCount },
    (_, exponent) => 2 ** (format.exponentMin + Math.max(exponent - 1, 0) - format.mantissaBits),
  );
}

function encodeFormat(format: FloatFormat, values: Float32Array): Uint8Array {
  const codes = format.bytes === 2 ? new Uint16Array(values.length) : new Uint8Array(values.length);
  const signBit = 1 << (format.bytes * 8 - 1);
  const nan = signBit - 1;
  const quanta = quantumTable(format);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < values.length; index += 1) {
    const magnitude = Math.abs(values[index]!);
    const binary32Exponent =
      ((bits[index]! >>> FLOAT32_MANTISSA_BITS) & FLOAT32_EXPONENT_MASK) - FLOAT32_EXPONENT_BIAS;
    const exponent = Math.max(binary32Exponent - format.exponentMin, 0);
    // Dividing by a power of two is exact, and a mantissa that rounds up to the next power carries into the exponent.
    const mantissa = roundHalfEven(magnitude / (quanta[exponent + 1] ?? 1));
    let code = (exponent << format.mantissaBits) + mantissa;
    if (quanta[exponent + 1] === undefined || code > format.finiteMax) code = format.infinity ?? nan;
    if (Number.isNaN(magnitude)) code = nan;
    codes[index] = bits[index]! >>> 31 ? code | signBit : code;
  }
  return new Uint8Array(codes.buffer);
}

/** Rounds a small non-negative number to the nearest integer, ties to even. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}
