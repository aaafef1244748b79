import type { BatchReport, EngineHost } from "@latentfarm/engine";
import type { StoreCall } from "@latentfarm/storage";
import type { Metrics } from "@latentfarm/telemetry";

const MS_PER_SECOND = 1_000;

/** Counts step batches, in their order. */
export function tellBatches(metrics: Metrics, batches: readonly BatchReport[]): void {
  for (const { limit, outcome, rows, durationMs } of batches) {
    metrics.count("farm_batches_total", { limit, outcome });
    metrics.observe("farm_batch_rows", {}, rows);
    metrics.observe("farm_batch_seconds", {}, durationMs / MS_PER_SECOND);
  }
  const newest = batches.at(-1);
  if (newest !== undefined) metrics.set("farm_batch_cap_rows", {}, newest.cap);
}

/** Has the engine's life looked at before each scrape. */
export function tellEngine(metrics: Metrics, engine: Pick<EngineHost, "info">): void {
  let counted = 0;
  metrics.onScrape(() => {
    const { pid, restarts } = engine.info;
    metrics.set("farm_engine_up", {}, pid === null ? 0 : 1);
    metrics.count("farm_engine_restarts_total", {}, restarts - counted);
    counted = restarts;
  });
}

/** Times one call of the store. */
export function tellStoreCall(metrics: Metrics, { operation, outcome, durationMs }: StoreCall): void {
  metrics.observe("farm_store_seconds", { operation, outcome }, durationMs / MS_PER_SECOND);
}
