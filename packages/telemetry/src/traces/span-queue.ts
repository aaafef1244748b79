import { TraceFlags } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, getNumberFromEnv } from "@opentelemetry/core";
import { BatchSpanProcessor, type ReadableSpan, type SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { BoundedExporter } from "./otel-exporter.js";

/** Spans that wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise: the SDK's own. */
const SPANS_MAX = 2_048;

/**
 * The SDK's queue of spans with one thing that it lacks: it drops what comes while it is full, and says so to nobody.
 * Here that is told as what a collector that is away costs is, until the queue has been empty again.
 */
export function createSpanQueue(exporter: BoundedExporter): SpanProcessor {
  const spansMax = getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? SPANS_MAX;
  let waiting = 0;
  const queue = new BatchSpanProcessor({
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      waiting -= spans.length;
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.SUCCESS && waiting === 0) exporter.tellBack();
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  });
  return {
    onStart: (span, parent) => queue.onStart(span, parent),
    onEnd(span) {
      if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0) {
        if (waiting < spansMax) waiting += 1;
        else exporter.tellLost(1, "more spans wait than OTEL_BSP_MAX_QUEUE_SIZE");
      }
      queue.onEnd(span);
    },
    forceFlush: () => queue.forceFlush(),
    shutdown: () => queue.shutdown(),
  };
}
