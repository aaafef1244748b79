import express, { type Express } from "express";
import { authenticate } from "./access/authenticate.js";
import type { GatewayContext } from "./context.js";
import { answerProblems } from "./http/problems.js";
import { nameRequests } from "./http/request-id.js";
import { logRequests } from "./http/request-log.js";
import { setHeaders } from "./http/response-headers.js";
import { type OpenRoute, type Route, registerRoutes } from "./http/route.js";
import { cancelJobRoute } from "./routes/cancel-job.js";
import { healthRoute, readyRoute } from "./routes/health.js";
import { listModelsRoute } from "./routes/list-models.js";
import { listWorkersRoute } from "./routes/list-workers.js";
import { openApiRoute } from "./routes/openapi.js";
import { readFrameRoute } from "./routes/read-frame.js";
import { readJobRoute } from "./routes/read-job.js";
import { streamEventsRoute } from "./routes/stream-events.js";
import { submitJobRoute } from "./routes/submit-job.js";

/** The gateway's HTTP application: every call of the public contract over one context. */
export function createApp(context: GatewayContext): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", false);
  app.set("case sensitive routing", true);
  app.set("strict routing", true);
  app.use(nameRequests(), setHeaders(), logRequests(context));
  registerRoutes(app, routesOf(context), (request, scope) => authenticate(context, request, scope));
  app.use(answerProblems(context));
  return app;
}

/** Every call; the one with the most traffic stands first, since Express looks at them in turn. */
function routesOf(context: GatewayContext): readonly (Route<unknown> | OpenRoute)[] {
  return [
    submitJobRoute(context),
    readJobRoute(context),
    cancelJobRoute(context),
    streamEventsRoute(context),
    readFrameRoute(context),
    listModelsRoute(context),
    listWorkersRoute(context),
    healthRoute(),
    readyRoute(context),
    openApiRoute(),
  ];
}
