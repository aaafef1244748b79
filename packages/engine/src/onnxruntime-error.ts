import { type ErrorCode, FarmError } from "@latentfarm/contract";

/**
 * What an allocation that failed looks like in an error's text. Source: onnxruntime,
 * `core/framework/bfc_arena.cc` ("Failed to allocate memory for requested buffer of size"), C++'s `std::bad_alloc`,
 * CUDA's and cuBLAS's own names for it, and V8's "Array buffer allocation failed" where the inputs are packed.
 */
const OUT_OF_MEMORY =
  /failed to allocate memory|bad_alloc|out of memory|out_of_memory|memoryallocation|_ALLOC_FAILED|buffer allocation failed/i;

/** True when memory was the cause of what onnxruntime, or the packing of its inputs, threw. */
export function isOutOfMemory(cause: unknown): boolean {
  return OUT_OF_MEMORY.test(reasonOf(cause));
}

/**
 * Turns what onnxruntime throws into a FarmError: out_of_memory where memory was the cause, else the code given.
 * onnxruntime's own text goes into `details.reason`, where logs have it and 5xx bodies do not.
 */
export function toFarmError(code: ErrorCode, message: string, cause: unknown): FarmError {
  const details = { reason: reasonOf(cause) };
  return new FarmError(isOutOfMemory(cause) ? "out_of_memory" : code, message, { cause, details });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
