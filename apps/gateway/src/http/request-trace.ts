import { METHODS, type Tracing } from "@latentfarm/telemetry";
import type { RequestHandler } from "express";
import { QUIET_PATHS } from "./request-log.js";
import { routeOf, UNMATCHED } from "./request-metrics.js";

const SERVER_ERROR = 500;

/**
 * Middleware that makes a span of each request, in the client's trace if it sends `traceparent`, and tells the trace in
 * every answer by `traceresponse`. Of the path only its template is told: a path may hold anything.
 * Source: w3c.github.io/trace-context, "Trace Context HTTP Response Headers Format"; opentelemetry.io, "HTTP spans".
 */
export function traceRequests(tracing: Tracing): RequestHandler {
  return (request, response, next): void => {
    if (!tracing.isOn || QUIET_PATHS.has(request.path)) {
      next();
      return;
    }
    const method = METHODS.find((known) => known === request.method && known !== "other");
    const span = tracing.start("request", {
      parent: tracing.readHeader(request.get("traceparent") ?? "") ?? tracing.root(),
      title: method ?? "HTTP",
      attributes: { "http.request.method": method ?? "_OTHER", "url.scheme": "http" },
    });
    const place = tracing.traceparent(span.context);
    if (place !== undefined) response.set("traceresponse", place);
    response.once("close", () => {
      const route = routeOf(request);
      if (route !== UNMATCHED) {
        span.rename(`${method ?? "HTTP"} ${route}`);
        span.set({ "http.route": route });
      }
      if (response.writableFinished) span.set({ "http.response.status_code": response.statusCode });
      if (response.statusCode >= SERVER_ERROR) span.fail(String(response.statusCode));
      span.end();
    });
    tracing.with(span.context, next);
  };
}
