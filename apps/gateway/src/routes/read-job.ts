import { jobToWire } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import { findJob } from "../find-job.js";
import type { Route } from "../http/route.js";

/** `GET /v1/jobs/{id}`: the job as it is now. */
export function readJobRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/jobs/:id",
    scope: "read",
    async handle(call) {
      call.response.json(jobToWire(await findJob(context, call)));
    },
  };
}
