import { createOpenApi } from "@latentfarm/contract";
import type { OpenRoute } from "../http/route.js";

/** The version of the public contract, as in the paths. */
const CONTRACT_VERSION = "1.0.0";

/** `GET /openapi.json`: the contract, made from the schemas that check requests. */
export function openApiRoute(): OpenRoute {
  const document = createOpenApi(CONTRACT_VERSION);
  return {
    method: "get",
    path: "/openapi.json",
    scope: "open",
    handle({ response }) {
      response.json(document);
    },
  };
}
