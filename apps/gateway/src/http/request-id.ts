import { randomUUID } from "node:crypto";
import type { RequestHandler, Response } from "express";

/** A caller's own id is taken when it is plain: it goes into logs and headers. */
const REQUEST_ID = /^[A-Za-z0-9_.-]{1,64}$/;
const HEADER = "X-Request-Id";

/** Middleware that names every request, for the log and for the error body. */
export function nameRequests(): RequestHandler {
  return (request, response, next): void => {
    const given = request.get(HEADER) ?? "";
    response.set(HEADER, REQUEST_ID.test(given) ? given : randomUUID());
    next();
  };
}

/** The id of the request that a response answers. */
export function requestIdOf(response: Response): string | undefined {
  const id = response.getHeader(HEADER);
  return typeof id === "string" ? id : undefined;
}
