import { apiKeyIdSchema, keyRequestSchema, parseWith } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import { notFound } from "../../find-job.js";
import { parseJsonBody, readBody } from "../../http/json-body.js";
import { refuseBody } from "../../http/no-body.js";
import type { Route } from "../../http/route.js";

/** `GET /v1/admin/keys`: every key that was made, revoked ones too, without their secrets. */
export function listKeysRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/admin/keys",
    scope: "admin",
    async handle({ response }) {
      response.json({ keys: await context.access.listKeys() });
    },
  };
}

/** `POST /v1/admin/keys`: makes a key and shows it, this once. The first one closes the farm to callers without. */
export function createKeyRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/admin/keys",
    scope: "admin",
    before: [readBody()],
    async handle({ request, response, caller }) {
      const wish = parseWith(keyRequestSchema, parseJsonBody(request), "the key");
      const key = await context.access.createKey(wish, caller.actor);
      context.log.info({ keyId: key.id, tenant: key.tenant, actor: caller.actor }, "key made");
      response.status(201).json(key);
    },
  };
}

/** `POST /v1/admin/keys/{id}/revoke`: the key is refused from now on; twice is once. */
export function revokeKeyRoute(context: GatewayContext): Route {
  return {
    method: "post",
    path: "/v1/admin/keys/:id/revoke",
    scope: "admin",
    before: [readBody()],
    async handle({ request, response, caller }) {
      refuseBody(request);
      const id = apiKeyIdSchema.safeParse(request.params.id);
      const key = id.success ? await context.access.revokeKey(id.data, caller.actor) : undefined;
      if (key === undefined) throw notFound("id", "names no key");
      context.log.info({ keyId: key.id, tenant: key.tenant, actor: caller.actor }, "key revoked");
      response.json(key);
    },
  };
}
