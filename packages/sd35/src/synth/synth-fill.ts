import { createHash } from "node:crypto";
import { DTYPE_BYTES, encodeFloat32, type TensorPlan } from "@latentfarm/safetensors";
import type { SynthForm } from "./tensor-list.js";

/** Bytes made at a time: far above a system call's cost, far below the memory of any machine. */
const CHUNK_BYTES_MAX = 1024 * 1024;

/**
 * Bits of an F8_E4M3 code that are random (sign, mantissa and some of the exponent; never NaN), so that weights have
 * a deviation of about 0.02 in both forms: activations then stay finite through 38 blocks.
 */
const FLOAT8_MASKS = { plain: 0x97979797, scaled: 0xb7b7b7b7 } as const satisfies Record<SynthForm, number>;

/** The scale that brings the scaled codes (up to 0.94) to a deviation of about 0.02. */
const SCALE = 0.05;

/** F16: random sign and mantissa over the exponent of 2^-6, in both halves of a 32-bit word. */
const FLOAT16_MASK = 0x83ff83ff;
const FLOAT16_EXPONENT = 0x24002400;

const NORM_WEIGHT = /(norm\w*|ln_[qk])\.weight$/;

/** How {@link synthFill} fills. */
export interface SynthFillOptions {
  /** Any text; the same seed and tensor name give the same bytes. */
  readonly seed: string;
  /** The form that the tensor list was made for. */
  readonly form?: SynthForm;
}

/**
 * The values of a synthetic tensor, for `writeSafetensors()`: norms are 1, biases 0, scales constant, and all else
 * random with a deviation of about 0.02.
 * @throws {TypeError} for a dtype that no synthetic file has
 */
export function synthFill(options: SynthFillOptions): (tensor: TensorPlan) => Iterable<Uint8Array> {
  const { seed, form = "scaled" } = options;
  return (tensor) => {
    if (tensor.name.endsWith(".scale_weight")) return repeat(tensor, SCALE);
    if (NORM_WEIGHT.test(tensor.name)) return repeat(tensor, 1);
    if (tensor.name.endsWith(".bias")) return repeat(tensor, 0);
    if (tensor.dtype === "F8_E4M3") return randomWords(tensor, { seed, mask: FLOAT8_MASKS[form], base: 0 });
    if (tensor.dtype === "F16") {
      return randomWords(tensor, { seed, mask: FLOAT16_MASK, base: FLOAT16_EXPONENT });
    }
    throw new TypeError(`Cannot fill ${tensor.name} as a synthetic tensor: dtype is ${tensor.dtype}`);
  };
}

function elementCount({ shape }: TensorPlan): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Norms, biases and scales are vectors of at most some ten thousand elements: one chunk. */
function* repeat(tensor: TensorPlan, value: number): Generator<Uint8Array> {
  yield encodeFloat32(tensor.dtype, new Float32Array(elementCount(tensor)).fill(value));
}

interface RandomWords {
  readonly seed: string;
  /** Bits of a 32-bit word that are random. */
  readonly mask: number;
  /** Bits of a 32-bit word that are set always. */
  readonly base: number;
}

function* randomWords(tensor: TensorPlan, { seed, mask, base }: RandomWords): Generator<Uint8Array> {
  let state = createHash("sha256").update(`${seed}:${tensor.name}`).digest().readUInt32LE() || 1;
  let left = elementCount(tensor) * DTYPE_BYTES[tensor.dtype];
  while (left > 0) {
    const words = new Uint32Array(Math.ceil(Math.min(left, CHUNK_BYTES_MAX) / Uint32Array.BYTES_PER_ELEMENT));
    for (let i = 0; i < words.length; i++) {
      state = xorshift(state);
      words[i] = (state & mask) | base;
    }
    const bytes = new Uint8Array(words.buffer).subarray(0, left);
    yield bytes;
    left -= bytes.length;
  }
}

/** Source: Marsaglia 2003, "Xorshift RNGs", the 32-bit generator with the triple 13, 17, 5. */
function xorshift(state: number): number {
  let next = state;
  next ^= next << 13;
  next ^= next >>> 17;
  next ^= next << 5;
  return next;
}
