import type { Response } from "express";

/**
 * A signal for the work behind one response: it aborts when the connection has closed, answered or not, and when the
 * gateway drains. AbortSignal.any() would leave a reference per request on the long-lived signal of the drain.
 */
export function requestSignal(response: Response, draining: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (draining.aborted || response.destroyed || response.closed) {
    abort();
    return controller.signal;
  }
  draining.addEventListener("abort", abort, { once: true });
  response.once("close", () => {
    draining.removeEventListener("abort", abort);
    abort();
  });
  return controller.signal;
}
