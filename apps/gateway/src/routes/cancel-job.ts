import { fieldsError } from "@latentfarm/contract";
import type { Request } from "express";
import type { GatewayContext } from "../context.js";
import { findJob } from "../find-job.js";
import { readBody } from "../http/json-body.js";
import type { Route } from "../http/route.js";
import { jobToWire } from "../wire.js";

/** `POST /v1/jobs/{id}/cancel`: cancels what is not yet done; a job that has ended stays as it is. */
export function cancelJobRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/jobs/:id/cancel",
    before: [readBody()],
    async handle(request, response) {
      refuseBody(request);
      const found = await findJob(context, request);
      const canceled = await context.queue.cancel(found.id);
      context.log.info({ jobId: found.id, status: (canceled ?? found).status }, "job cancel asked for");
      response.json(jobToWire(canceled ?? found));
    },
  };
}

/** Nothing or an empty object, as clients that always send JSON do. */
function refuseBody(request: Request): void {
  const body: unknown = request.body;
  if (!(body instanceof Uint8Array) || body.length === 0) return;
  if (new TextDecoder().decode(body).replaceAll(/\s/g, "") === "{}") return;
  throw fieldsError("the request", [{ path: "body", message: "must be empty" }]);
}
