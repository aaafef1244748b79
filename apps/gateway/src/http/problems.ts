import { type FarmError, PROBLEM_CONTENT_TYPE, toProblem } from "@latentfarm/contract";
import type { QueueLog } from "@latentfarm/queue";
import type { ErrorRequestHandler, Response } from "express";
import type { GatewayContext } from "../context.js";
import { RETRY_AFTER_SECONDS } from "../limits.js";
import { toFarmError } from "./http-error.js";
import { requestIdOf } from "./request-id.js";

const SERVER_ERROR = 500;
const UNAVAILABLE = 503;

/** Error middleware: every failure becomes a problem body; those of our own making are logged with their cause. */
export function answerProblems(context: Pick<GatewayContext, "log" | "metrics">): ErrorRequestHandler {
  return (failure: unknown, request, response: Response, _next): void => {
    const error = toFarmError(failure);
    const requestId = requestIdOf(response);
    context.metrics.count("farm_http_problems_total", { code: error.code });
    tellFailure(context.log, { requestId, method: request.method, code: error.code }, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    // A route may already have said what its answer would have been.
    for (const name of ["ETag", "Content-Disposition"]) response.removeHeader(name);
    response.set("Cache-Control", "no-store");
    if (error.code === "unauthorized") response.set("WWW-Authenticate", "Bearer");
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) response.set("Retry-After", String(retryAfter));
    const problem = toProblem(error, requestId);
    response
      .status(problem.status)
      .type(PROBLEM_CONTENT_TYPE)
      .send(Buffer.from(JSON.stringify(problem)));
  };
}

/** What is away or full is no fault of the gateway's: an outage is told by a line per request, without its stack. */
function tellFailure(log: QueueLog, fields: Readonly<Record<string, unknown>>, error: FarmError): void {
  if (error.httpStatus === UNAVAILABLE) log.warn({ ...fields, reason: error.message }, "request not served");
  else if (error.httpStatus >= SERVER_ERROR) log.error({ ...fields, err: error }, "request failed");
}

/** Whole seconds, at least 1, as HTTP's header has them. */
function retryAfterOf(error: FarmError): number | undefined {
  const { retry_after_seconds: seconds } = error.details;
  if (typeof seconds === "number" && seconds >= 0) return Math.max(1, Math.ceil(seconds));
  return error.httpStatus === UNAVAILABLE ? RETRY_AFTER_SECONDS : undefined;
}
