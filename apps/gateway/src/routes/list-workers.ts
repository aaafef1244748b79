import type { GatewayContext } from "../context.js";
import type { Route } from "../http/route.js";

/** `GET /v1/workers`: who is alive. */
export function listWorkersRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/workers",
    scope: "read",
    async handle({ response }) {
      response.json({ workers: await context.queue.workers() });
    },
  };
}
