import type { GatewayContext } from "../../context.js";
import type { Route } from "../../http/route.js";

/** `GET /v1/webhooks`: the addresses that the caller's webhooks went to, with their health. */
export function listEndpointsRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/webhooks",
    scope: "read",
    async handle({ response, caller }) {
      response.json({ endpoints: await context.webhooks.listEndpoints(caller.tenant.name) });
    },
  };
}
