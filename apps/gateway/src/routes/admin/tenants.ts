import { checkWith, fieldsError, tenantNameSchema, tenantRequestSchema } from "@latentfarm/contract";
import type { GatewayContext } from "../../context.js";
import { parseJsonBody, readBody } from "../../http/json-body.js";
import type { Route } from "../../http/route.js";

/** `GET /v1/admin/tenants`: every tenant that was set or has a key, with what is open of it. */
export function listTenantsRoute(context: GatewayContext): Route {
  return {
    method: "get",
    path: "/v1/admin/tenants",
    scope: "admin",
    async handle({ response }) {
      response.json({ tenants: await context.access.listTenants() });
    },
  };
}

/** `PUT /v1/admin/tenants/{name}`: a tenant's weight and limits; what the body leaves out becomes the default. */
export function setTenantRoute(context: GatewayContext): Route {
  return {
    method: "put",
    path: "/v1/admin/tenants/:name",
    scope: "admin",
    before: [readBody()],
    async handle({ request, response, caller }) {
      const name = checkWith(tenantNameSchema, request.params.name);
      const wish = checkWith(tenantRequestSchema, parseJsonBody(request));
      if (!name.ok || !wish.ok) {
        const faults = name.ok ? [] : name.errors.map(({ message }) => ({ path: "name", message }));
        throw fieldsError("the tenant", [...faults, ...(wish.ok ? [] : wish.errors)]);
      }
      const tenant = await context.access.setTenant(name.value, wish.value, caller.actor);
      context.log.info({ tenant: tenant.name, actor: caller.actor }, "tenant set");
      response.json(tenant);
    },
  };
}
