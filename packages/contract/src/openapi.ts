import { adminPaths } from "./openapi/admin-paths.js";
import { jobPaths } from "./openapi/job-paths.js";
import { operationPaths } from "./openapi/operation-paths.js";
import { type Json, SHARED_HEADERS, SHARED_RESPONSES } from "./openapi/parts.js";
import { componentSchemas } from "./openapi/schemas.js";
import { webhookPaths, webhookRequests } from "./openapi/webhook-paths.js";

/** An API key is the only way to show who calls. */
const KEY = {
  type: "http",
  scheme: "bearer",
  description:
    "An API key, `lf_…`. `x-scope` of a call names the scope that it must have; `submit` holds `read`. A farm that has no keys and listens on its own machine alone needs none.",
};

/**
 * The OpenAPI 3.1 document of the gateway; its schemas are made from the ones that check requests.
 * Source: spec.openapis.org/oas/v3.1.1.
 */
export function createOpenApi(version: string): Json {
  return {
    openapi: "3.1.1",
    info: {
      title: "Latentfarm",
      version,
      description:
        "A render farm for Stable Diffusion 3.5. Errors are RFC 9457 problems with a stable `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    paths: { ...jobPaths(), ...webhookPaths(), ...operationPaths(), ...adminPaths() },
    webhooks: webhookRequests(),
    components: {
      schemas: componentSchemas(),
      responses: SHARED_RESPONSES,
      headers: SHARED_HEADERS,
      securitySchemes: { key: KEY },
    },
  };
}
