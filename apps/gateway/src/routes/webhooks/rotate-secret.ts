import { parseWith, rotateRequestSchema } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import { parseOptionalJsonBody, readBody } from "../../http/json-body.js";
import type { Route } from "../../http/route.js";

/** `POST /v1/webhooks/{id}/rotate`: a new secret; the one before signs beside it for a while. */
export function rotateSecretRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/webhooks/:id/rotate",
    scope: "submit",
    before: [readBody()],
    async handle({ request, response, caller }) {
      const body = parseOptionalJsonBody(request);
      const { overlap_seconds: overlapSeconds } = parseWith(rotateRequestSchema, body, "the rotation");
      const rotation = { overlapSeconds, actor: caller.actor };
      const id = String(request.params.id);
      const endpoint = await context.webhooks.rotateSecret(caller.tenant.name, id, rotation);
      if (endpoint === undefined) throw notFound("id", "names no webhook endpoint");
      context.log.info({ endpoint: endpoint.id, tenant: endpoint.tenant }, "webhook secret rotated");
      response.json(endpoint);
    },
  };
}
