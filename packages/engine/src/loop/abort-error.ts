import { FarmError } from "@latentfarm/contract";

/** The error of a frame whose signal fired: the signal's own reason where that is a FarmError, else canceled. */
export function abortError(signal: AbortSignal | undefined): FarmError {
  const reason: unknown = signal?.reason;
  if (reason instanceof FarmError) return reason;
  return new FarmError("canceled", "Cannot finish the frame as it was canceled", { cause: reason });
}
