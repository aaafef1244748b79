import { expect, it } from "vitest";
import { createMetrics } from "./metrics.js";
import { startMetricsServer } from "./metrics-server.js";

it("startMetricsServer() tells metrics, life and readiness, and nothing else", async () => {
  const metrics = createMetrics("courier");
  let reason: string | undefined;
  const options = { host: "127.0.0.1", port: 0, metrics, unready: () => reason };
  await using server = await startMetricsServer(options);
  const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);
  const told = await get("/metrics");
  expect(told.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  expect(await told.text()).toContain('farm_delivery_attempts_total{outcome="delivered"} 0');
  expect([(await get("/healthz")).status, (await get("/readyz")).status]).toEqual([200, 200]);
  reason = "the courier drains";
  const unready = await get("/readyz");
  expect([unready.status, await unready.text()]).toEqual([503, "the courier drains\n"]);
  expect((await get("/healthz")).status).toBe(200);
  expect((await get("/v1/jobs")).status).toBe(404);
  expect((await get("/metrics", { method: "POST" })).status).toBe(405);
  await expect(startMetricsServer({ ...options, port: Number(new URL(server.url).port) })).rejects.toThrow(
    /EADDRINUSE/,
  );
});

it("startMetricsServer() answers 500 when a look throws, and says nothing of it", async () => {
  const metrics = createMetrics("courier");
  metrics.onScrape(() => {
    throw new Error("hush");
  });
  await using server = await startMetricsServer({
    host: "127.0.0.1",
    port: 0,
    metrics,
    unready: () => undefined,
  });
  const response = await fetch(`${server.url}/metrics`);
  expect([response.status, await response.text()]).toEqual([500, "the metrics have a fault\n"]);
});
