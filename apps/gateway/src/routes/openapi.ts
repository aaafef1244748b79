import { createOpenApi } from "@latentfarm/contract";
import { renderDocsPage } from "../docs-page.js";
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

/** `GET /docs`: the contract as a page. */
export function docsRoute(): OpenRoute {
  const { html, policy } = renderDocsPage(createOpenApi(CONTRACT_VERSION));
  return {
    method: "get",
    path: "/docs",
    scope: "open",
    handle({ response }) {
      response.set("Content-Security-Policy", policy).type("html").send(html);
    },
  };
}
