import { fieldsError } from "@latentfarm/contract";
import type { Request } from "express";

/**
 * Refuses a body where none is read: nothing or an empty object, as clients that always send JSON do, is none.
 * @throws {FarmError} invalid_request
 */
export function refuseBody(request: Request): void {
  const body: unknown = request.body;
  if (!(body instanceof Uint8Array) || body.length === 0) return;
  if (new TextDecoder().decode(body).replaceAll(/\s/g, "") === "{}") return;
  throw fieldsError("the request", [{ path: "body", message: "must be empty" }]);
}
