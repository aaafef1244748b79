import { type ErrorDetails, FarmError } from "@latentfarm/contract";
import { QUOTE_LENGTH_MAX } from "./limits.js";

/**
 * The error for content that breaks a rule of the format; permanent, as the bytes stay wrong. `reason` reads
 * "<field> is <value>".
 */
export function invalidContent(reason: string, details: ErrorDetails = {}): FarmError {
  return new FarmError("file_invalid", `Cannot read header as safetensors: ${reason}`, {
    details: { ...details, reason },
  });
}

/** The same error once the file is known: names the file in the message and in `details.path`. */
export function invalidFile(path: string, error: FarmError): FarmError {
  return new FarmError(
    "file_invalid",
    `Cannot open ${path} as safetensors: ${String(error.details.reason)}`,
    {
      cause: error,
      details: { ...error.details, path },
    },
  );
}

/** Turns an error of the operating system (no such file, permission, disk full) into the farm's. */
export function fromSystemError(action: string, path: string, error: unknown): FarmError {
  if (error instanceof FarmError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  return new FarmError("file_unreadable", `Cannot ${action} ${path} as a file: error code is ${code}`, {
    cause: error,
    details: { path, code },
  });
}

/** Text of a hostile file made safe to print: quoted, escaped and cut. */
export function quote(text: string): string {
  const shown = text.length > QUOTE_LENGTH_MAX ? `${text.slice(0, QUOTE_LENGTH_MAX)}…` : text;
  return JSON.stringify(shown);
}
