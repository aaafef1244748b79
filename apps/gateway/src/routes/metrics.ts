import { FarmError, TENANT_DEFAULT } from "@latentfarm/contract";
import { METRICS_CONTENT_TYPE, renderFarmMetrics } from "@latentfarm/telemetry";
import type { GatewayContext } from "../context.js";
import type { OpenRoute } from "../http/route.js";

/** Whose numbers are asked for beside the farm's; they are not told. */
const NOBODY = { name: TENANT_DEFAULT, weight: 1, limits: {} };

/**
 * `GET /metrics`: the gateway's numbers and the farm's for Prometheus, which shows no key. No tenant is named in them.
 * While the queue is away the gateway's own are told all the same, with `farm_redis_up` 0: metrics are for such hours.
 */
export function metricsRoute(context: GatewayContext): OpenRoute {
  return {
    method: "get",
    path: "/metrics",
    scope: "open",
    async handle({ response }) {
      const [own, farm] = await Promise.all([context.metrics.text(), farmText(context)]);
      response.set("Content-Type", METRICS_CONTENT_TYPE).send(`${farm}${own}`);
    },
  };
}

async function farmText({ queue }: GatewayContext): Promise<string> {
  try {
    const [stats, { outboxEvents }] = await Promise.all([queue.stats(NOBODY), queue.health()]);
    return await renderFarmMetrics({ stats, outboxEvents });
  } catch (error) {
    if (error instanceof FarmError && error.code === "queue_unavailable") return "";
    throw error;
  }
}
