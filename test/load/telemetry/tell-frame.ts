import type { BatchReport } from "@latentfarm/engine";
import type { Metrics } from "@latentfarm/telemetry";

const MODEL = "postcards";

/** What step batches cost their worker: its program's own calls, which no other program can import. */
export function tellBatches(metrics: Metrics, batches: readonly BatchReport[]): void {
  for (const { limit, outcome, rows, durationMs } of batches) {
    metrics.count("farm_batches_total", { limit, outcome });
    metrics.observe("farm_batch_rows", {}, rows);
    metrics.observe("farm_batch_seconds", {}, durationMs / 1_000);
  }
  metrics.set("farm_batch_cap_rows", {}, batches.at(-1)?.cap ?? 0);
}

/** What the end of one frame costs its worker: the outcome, the cost, the phases, and the calls of its store. */
export function tellFrame(metrics: Metrics, steps: number): void {
  metrics.count("farm_frame_attempts_total", { outcome: "drawn", tenant_class: "default", model: MODEL });
  metrics.count("farm_cost_megapixel_steps_total", { tenant_class: "default", model: MODEL }, steps / 244);
  metrics.observe("farm_frame_seconds", { model: MODEL }, 0.4);
  for (const phase of ["queue", "text", "step", "vae", "encode", "upload"] as const)
    metrics.observe("farm_phase_seconds", { phase, model: MODEL }, 0.05);
  for (const operation of ["head", "put", "delete"] as const)
    metrics.observe("farm_store_seconds", { operation, outcome: "ok" }, 0.004);
}

/** What the gateway and the courier add for a job of one frame: a submit, two reads, a webhook. */
export function tellRequests(gateway: Metrics, courier: Metrics): void {
  for (const [route, method] of [
    ["/v1/jobs", "POST"],
    ["/v1/jobs/:id", "GET"],
    ["/v1/jobs/:id/frames/:index", "GET"],
  ] as const)
    gateway.observe("farm_http_request_seconds", { route, method, status_class: "2xx" }, 0.01);
  courier.count("farm_delivery_attempts_total", { outcome: "delivered" });
  courier.observe("farm_delivery_attempt_seconds", {}, 0.01);
  courier.observe("farm_delivery_age_seconds", { outcome: "delivered" }, 0.1);
}
