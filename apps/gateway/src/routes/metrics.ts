import { TENANT_DEFAULT } from "@latentfarm/contract";
import { METRICS_CONTENT_TYPE, renderFarmMetrics } from "@latentfarm/telemetry";
import type { GatewayContext } from "../context.js";
import type { OpenRoute } from "../http/route.js";

/** Whose numbers are asked for beside the farm's; they are not told. */
const NOBODY = { name: TENANT_DEFAULT, weight: 1, limits: {} };

/** `GET /metrics`: the farm's numbers for Prometheus, which shows no key. No tenant is named in them. */
export function metricsRoute(context: GatewayContext): OpenRoute {
  return {
    method: "get",
    path: "/metrics",
    scope: "open",
    async handle({ response }) {
      const text = await renderFarmMetrics(await context.queue.stats(NOBODY));
      response.set("Content-Type", METRICS_CONTENT_TYPE).send(text);
    },
  };
}
