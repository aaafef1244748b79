import { DTYPE_BYTES, encodeFloat32, isFloatDtype, type TensorPlan } from "@latentfarm/safetensors";

/** Bytes made at a time: large against the cost of a write, small against memory. */
const CHUNK_BYTES = 4_194_304;
/** xorshift32's shifts. Source: Marsaglia, "Xorshift RNGs", 2003, table of full-period triples. */
const SHIFTS = [13, 17, 5] as const;
/** Any state but 0, at which xorshift stays. Golden ratio times 2^32. */
const STATE_OFFSET = 0x9e3779b9;
/** Codes of E4M3 below 2^-4 (exponents 0..2), of E5M2 below 2^-4 (exponents 0..10): the size of real weights. */
const CODES_BELOW: ReadonlyMap<string, number> = new Map([
  ["F8_E4M3", 0x18],
  ["F8_E5M2", 0x2c],
]);
const SIGN_BIT = 0x80;
const BYTE_CODES = 256;
/** Half the width of the uniform distribution of wider floats: the standard deviation of a real layer is about 0.02. */
const WIDE_AMPLITUDE = 0.04;
const UINT32_RANGE = 2 ** 32;

/**
 * Gives a tensor's bytes as random weights of realistic size, finite in every dtype, one chunk at a time in a buffer
 * that is used again. Speed matters: the largest checkpoint has 8 thousand million weights.
 */
export function createWeightFill(seed: number): (tensor: TensorPlan) => Generator<Uint8Array> {
  let state = seed ^ STATE_OFFSET || 1;
  const words = new Uint32Array(CHUNK_BYTES / Uint32Array.BYTES_PER_ELEMENT);
  const bytes = new Uint8Array(words.buffer);
  const refill = () => {
    for (let i = 0; i < words.length; i++) {
      state ^= state << SHIFTS[0];
      state ^= state >>> SHIFTS[1];
      state ^= state << SHIFTS[2];
      words[i] = state;
    }
  };
  return function* fill(tensor) {
    const size = tensor.shape.reduce((product, side) => product * side, 1) * DTYPE_BYTES[tensor.dtype];
    const table = codeTable(tensor.dtype);
    for (let left = size; left > 0; ) {
      refill();
      const chunk = table ? mapCodes(bytes, table) : encodeWide(words, tensor);
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      left -= part.length;
      yield part;
    }
  };
}

function codeTable(dtype: string): Uint8Array | undefined {
  const below = CODES_BELOW.get(dtype);
  if (below === undefined) return undefined;
  return Uint8Array.from(
    { length: BYTE_CODES },
    (_, code) => (code & SIGN_BIT) | ((code & ~SIGN_BIT) % below),
  );
}

function mapCodes(bytes: Uint8Array, table: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) bytes[i] = table[bytes[i]!]!;
  return bytes;
}

function encodeWide(words: Uint32Array, tensor: TensorPlan): Uint8Array {
  if (!isFloatDtype(tensor.dtype)) return new Uint8Array(words.byteLength);
  const values = Float32Array.from(words, (word) => (word / UINT32_RANGE - 0.5) * 2 * WIDE_AMPLITUDE);
  return encodeFloat32(tensor.dtype, values);
}
