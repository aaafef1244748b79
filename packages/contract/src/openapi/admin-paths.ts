import { answer, type Json, NOT_FOUND, operation, PAGE, pathParameter } from "./parts.js";

const ADMIN = { tags: ["Administration"], scope: "admin" } as const;

/** The calls of keys, tenants and the audit log. */
export function adminPaths(): Json {
  return {
    "/v1/admin/keys": {
      get: operation({
        ...ADMIN,
        summary: "Every key that was made, revoked ones too, without their secrets",
        operationId: "listKeys",
        responses: { "200": answer("Keys", "KeyList") },
      }),
      post: operation({
        ...ADMIN,
        summary: "Make a key, which is shown this once; the first closes the farm to callers without one",
        operationId: "createKey",
        body: "KeyRequest",
        responses: { "201": answer("The key", "NewKey") },
      }),
    },
    "/v1/admin/keys/{id}/revoke": {
      post: operation({
        ...ADMIN,
        summary: "Revoke a key; idempotent",
        operationId: "revokeKey",
        parameters: [pathParameter("id")],
        responses: {
          "200": answer("The key", "ApiKey"),
          "413": { $ref: "#/components/responses/TooLarge" },
          ...NOT_FOUND,
        },
      }),
    },
    "/v1/admin/tenants": {
      get: operation({
        ...ADMIN,
        summary: "Every tenant that was set or has a key, with what is open of it",
        operationId: "listTenants",
        responses: { "200": answer("Tenants", "TenantList") },
      }),
    },
    "/v1/admin/tenants/{name}": {
      put: operation({
        ...ADMIN,
        summary: "Set a tenant's weight and limits; what is left out becomes the default",
        operationId: "setTenant",
        parameters: [pathParameter("name")],
        body: "TenantRequest",
        responses: { "200": answer("The tenant", "Tenant") },
      }),
    },
    "/v1/admin/audit": {
      get: operation({
        ...ADMIN,
        summary: "Who changed what of keys, tenants and endpoints, newest first",
        operationId: "readAudit",
        parameters: PAGE,
        responses: { "200": answer("The page", "AuditList") },
      }),
    },
  };
}
