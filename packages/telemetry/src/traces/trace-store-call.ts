import type { StoreOperation } from "../metrics/label-sets.js";
import type { Tracing } from "./tracing.js";

/** Makes the span of a call of the object store that has just ended, below whatever asked for it. */
export function traceStoreCall(
  tracing: Tracing,
  call: {
    readonly operation: StoreOperation;
    readonly outcome: "ok" | "unavailable" | "failed";
    readonly durationMs: number;
  },
): void {
  if (!tracing.isOn) return;
  const { operation, outcome, durationMs } = call;
  const endMs = Date.now();
  const span = tracing.start("store", {
    title: `${operation} object`,
    startMs: endMs - durationMs,
    attributes: { "farm.store.operation": operation, "farm.store.outcome": outcome },
  });
  if (outcome !== "ok") span.fail(outcome === "unavailable" ? "store_unavailable" : "internal");
  span.end(endMs);
}
