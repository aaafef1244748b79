import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import type { Route } from "../../http/route.js";

/**
 * `GET /v1/webhooks/{id}/secret`: what the endpoint's deliveries are signed with. Who has it can forge one, so reading
 * jobs is not enough.
 */
export function readSecretRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/webhooks/:id/secret",
    scope: "submit",
    async handle({ request, response, caller }) {
      const [tenant, id] = [caller.tenant.name, String(request.params.id)];
      const endpoint = await context.webhooks.getEndpoint(tenant, id);
      const secret = endpoint && (await context.webhooks.readSecret(tenant, id));
      if (secret === undefined) throw notFound("id", "names no webhook endpoint");
      response.json({ ...endpoint, secret });
    },
  };
}
