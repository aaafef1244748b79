import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import { readBody } from "../../http/json-body.js";
import { refuseBody } from "../../http/no-body.js";
import type { Route } from "../../http/route.js";

/** `POST /v1/webhooks/{id}/enable`: takes a disabled endpoint into service again. */
export function enableEndpointRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/webhooks/:id/enable",
    scope: "submit",
    before: [readBody()],
    async handle({ request, response, caller }) {
      refuseBody(request);
      const { tenant, actor } = caller;
      const endpoint = await context.webhooks.enableEndpoint(tenant.name, String(request.params.id), actor);
      if (endpoint === undefined) throw notFound("id", "names no webhook endpoint");
      response.json(endpoint);
    },
  };
}
