import type { RequestHandler } from "express";
import type { GatewayContext } from "../context.js";
import { requestIdOf } from "./request-id.js";

/** Paths that probes ask for every few seconds. */
const QUIET_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

/** Middleware that writes one line per answered request. Bodies and queries are left out: they may hold prompts. */
export function logRequests(context: Pick<GatewayContext, "log" | "nowMs">): RequestHandler {
  return (request, response, next): void => {
    const startMs = context.nowMs();
    const { method, path } = request;
    response.once("close", () => {
      if (QUIET_PATHS.has(path)) return;
      const status = response.writableFinished ? response.statusCode : undefined;
      const durationMs = context.nowMs() - startMs;
      context.log.info(
        { requestId: requestIdOf(response), method, path, status, durationMs },
        "request closed",
      );
    });
    next();
  };
}
