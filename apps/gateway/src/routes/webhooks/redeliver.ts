import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import { readBody } from "../../http/json-body.js";
import { refuseBody } from "../../http/no-body.js";
import type { Route } from "../../http/route.js";

/** `POST /v1/deliveries/{id}/redeliver`: sends a delivery again with the same id and body, whatever its state. */
export function redeliverRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/deliveries/:id/redeliver",
    scope: "submit",
    before: [readBody()],
    async handle({ request, response, caller }) {
      refuseBody(request);
      const delivery = await context.webhooks.redeliver(caller.tenant.name, String(request.params.id));
      if (delivery === undefined) throw notFound("id", "names no delivery");
      context.log.info({ delivery: delivery.id, jobId: delivery.job_id }, "delivery sent again");
      response.status(202).json(delivery);
    },
  };
}
