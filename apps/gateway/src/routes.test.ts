import { createOpenApi, TENANT_DEFAULT } from "@latentfarm/contract";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRoutes } from "./routes.js";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await createTestGateway();
});
afterEach(() => gateway[Symbol.asyncDispose]());

describe("createRoutes()", () => {
  it("serves every call of the OpenAPI document, and no other, at the scope that it names", () => {
    const document = JSON.parse(JSON.stringify(createOpenApi("1.0.0")));
    const documented = Object.entries<Record<string, { "x-scope"?: string }>>(document.paths).flatMap(
      ([path, item]) =>
        Object.entries(item).map(([method, call]) => `${method} ${path} ${call["x-scope"] ?? "open"}`),
    );
    const served = createRoutes(gateway.context).map(
      ({ method, path, scope }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")} ${scope}`,
    );
    expect(served.sort()).toEqual(documented.sort());
  });

  it("names each call of the document once", () => {
    const document = JSON.stringify(createOpenApi("1.0.0"));
    const names = [...document.matchAll(/"operationId":"(\w+)"/g)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("GET /v1/stats", () => {
  it("is never empty and tells the caller's own part", async () => {
    await request(gateway.app).post("/v1/jobs").send({ prompt: "a", num_images: 3 });
    const { body } = await request(gateway.app).get("/v1/stats");
    expect(body.counters).toMatchObject({ jobs_submitted: 0, deliveries_dead: 0 });
    expect(body.tenant).toMatchObject({ name: TENANT_DEFAULT, weight: 1, concurrent_frames: 3 });
    expect(body.models.map(({ name }: { name: string }) => name)).toEqual(["postcards"]);
  });
});

describe("GET /metrics", () => {
  it("tells the farm's numbers as text, and that the queue is away", async () => {
    gateway.farm.counters.jobs_submitted = 7;
    const response = await request(gateway.app).get("/metrics");
    expect(response.headers["content-type"]).toContain("text/plain; version=0.0.4");
    expect(response.text).toContain("\nfarm_jobs_submitted_total 7\n");
    expect(response.text).toContain('farm_backlog_seconds{model="postcards"} 0');
    expect(response.text).toContain("\nfarm_redis_up 1\n");
    gateway.farm.mood = "away";
    const { status, text } = await request(gateway.app).get("/metrics");
    expect(status).toBe(200);
    expect(text).toContain("\nfarm_redis_up 0\n");
    expect(text).not.toContain("farm_jobs_submitted_total");
  });

  it("tells requests by the template of their route, and what was refused", async () => {
    await request(gateway.app).get("/v1/jobs/job_0000000000ZZZZZZZZZZZZZZZZ");
    await request(gateway.app).get("/../etc/passwd");
    await request(gateway.app).delete("/v1/jobs");
    const { text } = await request(gateway.app).get("/metrics");
    const count = (route: string, method: string) =>
      `farm_http_request_seconds_count{route="${route}",method="${method}",status_class="4xx"} 1`;
    expect(text).toContain(count("/v1/jobs/:id", "GET"));
    expect(text).toContain(count("unmatched", "GET"));
    expect(text).toContain(count("/v1/jobs", "other"));
    expect(text).toContain('farm_http_problems_total{code="not_found"} 2');
    expect(text).not.toMatch(/job_0000|passwd/);
  });
});

describe("GET /docs", () => {
  it("shows every call, runs nothing and loads nothing", async () => {
    const response = await request(gateway.app).get("/docs");
    expect(response.type).toBe("text/html");
    expect(response.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/);
    for (const { path } of createRoutes(gateway.context))
      expect(response.text).toContain(`<code>${path.replaceAll(/:(\w+)/g, "{$1}")}</code>`);
    expect(response.text).not.toMatch(/<script|src=|href="http/);
  });
});
