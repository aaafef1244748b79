import { jobToWire } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import { findJob, findJobHead } from "../find-job.js";
import { readBody } from "../http/json-body.js";
import { refuseBody } from "../http/no-body.js";
import type { Route } from "../http/route.js";

/** `POST /v1/jobs/{id}/cancel`: cancels what is not yet done; a job that has ended stays as it is. */
export function cancelJobRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/jobs/:id/cancel",
    scope: "submit",
    before: [readBody()],
    async handle(call) {
      refuseBody(call.request);
      const { id } = await findJobHead(context, call);
      // A job that the queue has forgotten has ended: its sidecar tells of it.
      const canceled = (await context.queue.cancel(id)) ?? (await findJob(context, call));
      context.log.info({ jobId: id, status: canceled.status }, "job cancel asked for");
      call.response.json(jobToWire(canceled));
    },
  };
}
