import { METHODS, type Metrics } from "@latentfarm/telemetry";
import type { Request, RequestHandler, Response } from "express";

const MS_PER_SECOND = 1_000;
const STATUS_CLASS_SIZE = 100;

/** The route of a request that no route serves: scanners ask for anything. */
export const UNMATCHED = "unmatched";

/** What is told of requests. */
export interface RequestMetrics {
  readonly metrics: Metrics;
  /** Milliseconds on a clock that never goes back. */
  readonly elapsedMs: () => number;
}

/** Middleware that times each request, from its arrival to the end of its answer. */
export function timeRequests({ metrics, elapsedMs }: RequestMetrics): RequestHandler {
  return (request, response, next): void => {
    const startMs = elapsedMs();
    response.once("close", () => {
      const labels = {
        route: routeOf(request),
        method: methodOf(request.method),
        status_class: statusClassOf(response),
      } as const;
      metrics.observe("farm_http_request_seconds", labels, (elapsedMs() - startMs) / MS_PER_SECOND);
    });
    next();
  };
}

/** The template that the path matched, such as `/v1/jobs/:id`; a path as it came would make a series of each job. */
export function routeOf(request: Request): string {
  const route: unknown = request.route;
  if (typeof route !== "object" || route === null || !("path" in route)) return UNMATCHED;
  return typeof route.path === "string" ? route.path : UNMATCHED;
}

function methodOf(method: string): (typeof METHODS)[number] {
  return METHODS.find((known) => known === method) ?? "other";
}

function statusClassOf(response: Response): "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "none" {
  // The client went away before the answer was complete: an event stream that was left, or a time-out of its own.
  if (!response.writableFinished) return "none";
  const classes = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
  return classes[Math.floor(response.statusCode / STATUS_CLASS_SIZE) - 1] ?? "none";
}
