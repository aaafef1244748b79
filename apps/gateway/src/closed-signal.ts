import type { Response } from "express";

/** A signal that aborts when the response's connection has closed, answered or not. */
export function closedSignal(response: Response): AbortSignal {
  const closed = new AbortController();
  if (response.destroyed || response.closed) closed.abort();
  else response.once("close", () => closed.abort());
  return closed.signal;
}
