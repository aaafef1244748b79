import type { RequestHandler, Response } from "express";
import type { GatewayContext } from "../context.js";
import { requestIdOf } from "./request-id.js";

/** Paths that probes ask for every few seconds. */
export const QUIET_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);

/** What a request was about, in plain fields: ids and counts, never a client's text. */
export type LogFields = Readonly<Record<string, string | number>>;

const named = new WeakMap<Response, LogFields>();

/** Says what a request was about, for its one line in the log. */
export function nameInLog(response: Response, fields: LogFields): void {
  named.set(response, { ...named.get(response), ...fields });
}

/** Middleware that writes one line per answered request. Bodies and queries are left out: they may hold prompts. */
export function logRequests(context: Pick<GatewayContext, "log" | "nowMs" | "tracing">): RequestHandler {
  return (request, response, next): void => {
    const startMs = context.nowMs();
    const { method, path } = request;
    if (!QUIET_PATHS.has(path)) {
      const tell = () => {
        const status = response.writableFinished ? response.statusCode : undefined;
        const durationMs = context.nowMs() - startMs;
        const requestId = requestIdOf(response);
        const fields = { requestId, method, path, status, durationMs, ...named.get(response) };
        context.log.info(fields, "request closed");
      };
      response.once("close", context.tracing.bind(tell));
    }
    next();
  };
}
