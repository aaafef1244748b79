import type { RequestHandler } from "express";

/**
 * What every answer carries. The gateway serves JSON and pictures and never a page, so browsers are told to guess no
 * types, run nothing, frame nothing and let other sites' pages embed nothing. Answers are not stored unless a route
 * says otherwise.
 */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/**
 * Middleware that sets the headers of every answer. Of a gateway that leaves each answer is the last of its connection,
 * so that clients and proxies which keep connections find another one before this one closes.
 */
export function setHeaders({ leaving }: { readonly leaving: AbortSignal }): RequestHandler {
  return (_request, response, next): void => {
    response.set(HEADERS);
    if (leaving.aborted) response.set("Connection", "close");
    next();
  };
}
