import { type ErrorCode, FarmError } from "@latentfarm/contract";

/**
 * Turns what onnxruntime throws into a FarmError. onnxruntime's own text goes into `details.reason`, where logs have
 * it and 5xx bodies do not.
 */
export function toFarmError(code: ErrorCode, message: string, cause: unknown): FarmError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new FarmError(code, message, { cause, details: { reason } });
}
