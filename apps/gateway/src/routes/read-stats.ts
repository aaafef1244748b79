import type { GatewayContext } from "../context.js";
import type { Route } from "../http/route.js";

/** `GET /v1/stats`: the farm's numbers, which every tenant may see, and the caller's own. */
export function readStatsRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/stats",
    scope: "read",
    async handle({ response, caller }) {
      response.json(await context.queue.stats(caller.tenant));
    },
  };
}
