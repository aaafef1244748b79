import { createHash } from "node:crypto";
import { type FrameParams, frameParamsSchema } from "./params.js";

/**
 * A hash of everything that decides a picture: hexadecimal SHA-256 over the parameters in the schema's own field
 * order. A later attempt compares it with a stored result's, to know a finished picture from a foreign one.
 */
export function frameParamsHash(params: FrameParams): string {
  const fields = frameParamsSchema.keyof().options.filter((field) => params[field] !== undefined);
  const ordered = fields.map((field) => [field, params[field]]);
  return createHash("sha256").update(JSON.stringify(ordered)).digest("hex");
}
