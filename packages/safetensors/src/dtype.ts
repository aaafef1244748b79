/**
 * Bytes of one element of each dtype that the farm reads.
 *
 * Source: huggingface/safetensors, `safetensors/src/tensor.rs`, `enum Dtype`. Its further dtypes (I8, I16, U16,
 * U32, U64, C64, sub-byte floats) appear in no Stable Diffusion 3 file and are refused by name.
 */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  U8: 1,
  BOOL: 1,
} as const satisfies Record<string, number>;

/** The name of an element type, as the file's header spells it. `F8_E4M3` is the finite-only e4m3fn form. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** True for a dtype that the farm reads. */
export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}
