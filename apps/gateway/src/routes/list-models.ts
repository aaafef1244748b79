import type { GatewayContext } from "../context.js";
import type { Route } from "../http/route.js";

/** `GET /v1/models`: what live workers serve, and what was served lately. */
export function listModelsRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/models",
    scope: "read",
    async handle({ response }) {
      response.json({ models: await context.queue.models() });
    },
  };
}
