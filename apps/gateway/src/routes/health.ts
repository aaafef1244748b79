import { FarmError } from "@latentfarm/contract";
import type { GatewayContext } from "../context.js";
import type { OpenRoute } from "../http/route.js";

/** `GET /healthz`: the process lives. It asks nothing of Redis: a restart would not bring Redis back. */
export function healthRoute(): OpenRoute {
  return {
    method: "get",
    path: "/healthz",
    scope: "open",
    handle({ response }) {
      response.json({ status: "ok" });
    },
  };
}

/** `GET /readyz`: the gateway takes requests: the queue answers and it was not asked to stop. */
export function readyRoute(context: GatewayContext): OpenRoute {
  return {
    method: "get",
    path: "/readyz",
    scope: "open",
    async handle({ response }) {
      if (context.leaving.aborted)
        throw new FarmError("queue_unavailable", "Cannot take requests as the gateway stops: ready is false");
      await context.queue.ping();
      response.json({ status: "ready" });
    },
  };
}
