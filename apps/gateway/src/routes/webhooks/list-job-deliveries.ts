import { pageQuerySchema, parseQuery } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import { findJobHead } from "../../find-job.js";
import type { Route } from "../../http/route.js";

type PageQuery = ReturnType<typeof parseQuery<typeof pageQuerySchema>>;

/** `GET /v1/jobs/{id}/deliveries`: what was sent of a job's events, and how it went. */
export function listJobDeliveriesRoute(context: GatewayContext): Route<PageQuery> {
  return {
    method: "get",
    path: "/v1/jobs/:id/deliveries",
    scope: "read",
    query: (parameters) => parseQuery(pageQuerySchema, parameters),
    async handle(call) {
      const { id } = await findJobHead(context, call);
      call.response.json(await context.webhooks.jobDeliveries(id, call.query));
    },
  };
}
