import { createHash } from "node:crypto";
import type { SubmitRequest } from "@latentfarm/contract";

/** A hash of what a body asks for: hexadecimal SHA-256, the same in whatever order the keys of an object stand. */
export function hashBody(request: SubmitRequest): string {
  return createHash("sha256").update(JSON.stringify(request, sortKeys)).digest("hex");
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
