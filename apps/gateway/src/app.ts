import express, { type Express } from "express";
import { authenticate } from "./access/authenticate.js";
import type { GatewayContext } from "./context.js";
import { answerProblems } from "./http/problems.js";
import { nameRequests } from "./http/request-id.js";
import { logRequests } from "./http/request-log.js";
import { timeRequests } from "./http/request-metrics.js";
import { traceRequests } from "./http/request-trace.js";
import { setHeaders } from "./http/response-headers.js";
import { registerRoutes } from "./http/route.js";
import { createRoutes } from "./routes.js";

/** The gateway's HTTP application: every call of the public contract over one context. */
export function createApp(context: GatewayContext): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", false);
  app.set("case sensitive routing", true);
  app.set("strict routing", true);
  app.use(timeRequests({ metrics: context.metrics, elapsedMs: () => performance.now() }));
  app.use(traceRequests(context.tracing));
  app.use(nameRequests(), setHeaders(context), logRequests(context));
  registerRoutes(app, createRoutes(context), (request, scope) => authenticate(context, request, scope));
  app.use(answerProblems(context));
  return app;
}
