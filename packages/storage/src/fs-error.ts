import { FarmError } from "@latentfarm/contract";

/** Codes of the file system that mean: no such object. */
const ABSENT_CODES: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);

/** The file system's code of an error, or undefined when it is none of its errors. */
export function fsCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** True when the error means that there is no such file. */
export function isAbsent(error: unknown): boolean {
  return ABSENT_CODES.has(fsCode(error) ?? "");
}

/** The FarmError of a failed file operation; an error that is not the file system's own stays as it is. */
export function toStoreError(action: string, key: string, error: unknown): unknown {
  const code = fsCode(error);
  if (code === undefined || error instanceof FarmError) return error;
  return new FarmError("store_unavailable", `Cannot ${action} ${key} as the disk refuses: code is ${code}`, {
    cause: error,
    details: { key, code },
  });
}
