import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import type { Route } from "../../http/route.js";

/** `DELETE /v1/webhooks/{id}`: forgets an endpoint and its secret; what is pending to it becomes dead letters. */
export function deleteEndpointRoute(context: GatewayContext): Route {
  return {
    method: "delete",
    path: "/v1/webhooks/:id",
    scope: "submit",
    async handle({ request, response, caller }) {
      const { tenant, actor } = caller;
      const id = String(request.params.id);
      const isGone = await context.webhooks.deleteEndpoint(tenant.name, id, actor);
      if (!isGone) throw notFound("id", "names no webhook endpoint");
      context.log.info({ endpoint: id, tenant: tenant.name }, "webhook endpoint deleted");
      response.status(204).end();
    },
  };
}
