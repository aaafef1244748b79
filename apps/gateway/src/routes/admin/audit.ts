import { pageQuerySchema, parseQuery } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import type { Route } from "../../http/route.js";

type PageQuery = ReturnType<typeof parseQuery<typeof pageQuerySchema>>;

/** `GET /v1/admin/audit`: who changed what of keys, tenants and endpoints, newest first. */
export function readAuditRoute(context: GatewayContext): Route<PageQuery> {
  return {
    method: "get",
    path: "/v1/admin/audit",
    scope: "admin",
    query: (parameters) => parseQuery(pageQuerySchema, parameters),
    async handle({ response, query }) {
      response.json(await context.access.readAudit(query));
    },
  };
}
