import { createOpenApi } from "@latentfarm/contract";
import type { Route } from "../http/route.js";

/** The version of the public contract, as in the paths. */
const CONTRACT_VERSION = "1.0.0";

/** `GET /openapi.json`: the contract, made from the schemas that check requests. */
export function openApiRoute(): Route {
  const document = createOpenApi(CONTRACT_VERSION);
  return {
    method: "get",
    path: "/openapi.json",
    handle(_request, response) {
      response.json(document);
    },
  };
}
