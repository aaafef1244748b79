import { answer, type Json, operation, plainAnswer } from "./parts.js";

const FLEET = { tags: ["Fleet"], scope: "read" } as const;
const OPERATIONS = { tags: ["Operations"], scope: "open" } as const;

/** The calls that tell of the farm itself. */
export function operationPaths(): Json {
  const get = (of: Parameters<typeof operation>[0]): Json => ({ get: operation(of) });
  const status = (name: string) => ({ "200": answer("It does", name) });
  return {
    "/v1/models": get({
      ...FLEET,
      summary: "What live workers serve, and what was served lately",
      operationId: "listModels",
      responses: { "200": answer("Models", "ModelList") },
    }),
    "/v1/workers": get({
      ...FLEET,
      summary: "Who is alive",
      operationId: "listWorkers",
      responses: { "200": answer("Workers", "WorkerList") },
    }),
    "/v1/stats": get({
      ...FLEET,
      summary: "The farm's queue, rate and counts, and what is open of the tenant",
      operationId: "readStats",
      responses: { "200": answer("Numbers; what is not there is 0", "Stats") },
    }),
    "/healthz": get({
      ...OPERATIONS,
      summary: "Whether the process lives",
      operationId: "health",
      responses: status("Health"),
    }),
    "/readyz": get({
      ...OPERATIONS,
      summary: "Whether it takes requests",
      operationId: "ready",
      responses: status("Health"),
    }),
    "/metrics": get({
      ...OPERATIONS,
      summary: "Numbers for Prometheus: the farm's, which every gateway tells alike, and this gateway's own",
      operationId: "metrics",
      responses: { "200": plainAnswer("Numbers", { "text/plain": { schema: { type: "string" } } }) },
    }),
    "/openapi.json": get({
      ...OPERATIONS,
      summary: "This document",
      operationId: "openapi",
      responses: {
        "200": plainAnswer("OpenAPI 3.1", { "application/json": { schema: { type: "object" } } }),
      },
    }),
    "/docs": get({
      ...OPERATIONS,
      summary: "This document as a page",
      operationId: "docs",
      responses: { "200": plainAnswer("A page", { "text/html": { schema: { type: "string" } } }) },
    }),
  };
}
