import { fieldsError } from "@latentfarm/contract";
import type { Request } from "express";

/** Characters of a parameter's name that an answer repeats: it is the client's own text. */
const NAME_CHARS_SHOWN = 128;

const NONE: ReadonlyMap<string, string> = new Map();

/**
 * The parameters of a request's query. One that stands twice is refused: readers differ in which of the two counts.
 * @throws {FarmError} invalid_request
 */
export function readParameters(request: Request): ReadonlyMap<string, string> {
  const start = request.originalUrl.indexOf("?");
  if (start === -1) return NONE;
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(request.originalUrl.slice(start))) {
    const shown = name.slice(0, NAME_CHARS_SHOWN);
    if (parameters.has(shown))
      throw fieldsError("the request", [{ path: `query.${shown}`, message: "must stand only once" }]);
    parameters.set(shown, value);
  }
  return parameters;
}
