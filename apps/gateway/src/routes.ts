import type { GatewayContext } from "./context.js";
import type { OpenRoute, Route } from "./http/route.js";
import { readAuditRoute } from "./routes/admin/audit.js";
import { createKeyRoute, listKeysRoute, revokeKeyRoute } from "./routes/admin/keys.js";
import { listTenantsRoute, setTenantRoute } from "./routes/admin/tenants.js";
import { cancelJobRoute } from "./routes/cancel-job.js";
import { healthRoute, readyRoute } from "./routes/health.js";
import { listFramesRoute } from "./routes/list-frames.js";
import { listJobsRoute } from "./routes/list-jobs.js";
import { listModelsRoute } from "./routes/list-models.js";
import { listWorkersRoute } from "./routes/list-workers.js";
import { metricsRoute } from "./routes/metrics.js";
import { docsRoute, openApiRoute } from "./routes/openapi.js";
import { readFrameRoute } from "./routes/read-frame.js";
import { readJobRoute } from "./routes/read-job.js";
import { readStatsRoute } from "./routes/read-stats.js";
import { retryJobRoute } from "./routes/retry-job.js";
import { streamEventsRoute } from "./routes/stream-events.js";
import { submitJobRoute } from "./routes/submit-job.js";
import { deleteEndpointRoute } from "./routes/webhooks/delete-endpoint.js";
import { enableEndpointRoute } from "./routes/webhooks/enable-endpoint.js";
import { listDeliveriesRoute } from "./routes/webhooks/list-deliveries.js";
import { listEndpointsRoute } from "./routes/webhooks/list-endpoints.js";
import { listJobDeliveriesRoute } from "./routes/webhooks/list-job-deliveries.js";
import { readSecretRoute } from "./routes/webhooks/read-secret.js";
import { redeliverRoute } from "./routes/webhooks/redeliver.js";
import { rotateSecretRoute } from "./routes/webhooks/rotate-secret.js";

/** Every call; the one with the most traffic stands first, since Express looks at them in turn. */
export function createRoutes(context: GatewayContext): readonly (Route<unknown> | OpenRoute)[] {
  return [
    submitJobRoute(context),
    readJobRoute(context),
    streamEventsRoute(context),
    readFrameRoute(context),
    listFramesRoute(context),
    listJobsRoute(context),
    cancelJobRoute(context),
    retryJobRoute(context),
    listModelsRoute(context),
    listWorkersRoute(context),
    readStatsRoute(context),
    ...webhookRoutes(context),
    ...adminRoutes(context),
    healthRoute(),
    readyRoute(context),
    metricsRoute(context),
    openApiRoute(),
    docsRoute(),
  ];
}

function webhookRoutes(context: GatewayContext): readonly Route<unknown>[] {
  return [
    listJobDeliveriesRoute(context),
    listDeliveriesRoute(context),
    redeliverRoute(context),
    listEndpointsRoute(context),
    readSecretRoute(context),
    rotateSecretRoute(context),
    enableEndpointRoute(context),
    deleteEndpointRoute(context),
  ];
}

function adminRoutes(context: GatewayContext): readonly Route<unknown>[] {
  return [
    listKeysRoute(context),
    createKeyRoute(context),
    revokeKeyRoute(context),
    listTenantsRoute(context),
    setTenantRoute(context),
    readAuditRoute(context),
  ];
}
