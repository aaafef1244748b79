import type { SpanName, TraceContext, Tracing } from "@latentfarm/telemetry";
import { SpanKind, type Telemetry } from "bullmq";

type BullSpan = ReturnType<Telemetry<TraceContext>["tracer"]["startSpan"]>;

const nothing = () => undefined;

/** What BullMQ does beside its entries, such as looking for the next one every few seconds: no span, and no other place. */
const NO_SPAN: BullSpan = {
  setSpanOnContext: (place: TraceContext) => place,
  setAttribute: nothing,
  setAttributes: nothing,
  addEvent: nothing,
  recordException: nothing,
  end: nothing,
};

/** The queue and the span of the processing of one of its entries. */
export interface TracedQueue {
  readonly destination: "frames" | "deliveries";
  readonly span: SpanName & `process_${string}`;
}

/**
 * BullMQ's telemetry over the farm's tracing: BullMQ keeps the place in the trace beside an entry, and has each processing of
 * it done in a span below that place. The place that an entry was added with stays its own however often it is tried again,
 * so that attempts stand side by side. What BullMQ would say of an entry is left out: its attributes name keys of Redis, and
 * its events hold messages.
 */
export function createBullTelemetry(
  tracing: Tracing,
  { destination, span: name }: TracedQueue,
): Telemetry<TraceContext> {
  const metadataOf = new WeakMap<TraceContext, string>();
  const attributes = {
    "messaging.system": "bullmq",
    "messaging.operation.type": "process",
    "messaging.destination.name": destination,
  } as const;
  return {
    tracer: {
      startSpan: (_operation, options, parent) => {
        if (options?.kind !== SpanKind.CONSUMER || parent === undefined) return NO_SPAN;
        const span = tracing.start(name, { parent, attributes });
        metadataOf.set(span.context, metadataOf.get(parent) ?? "");
        return { ...NO_SPAN, setSpanOnContext: () => span.context, end: () => span.end() };
      },
    },
    contextManager: {
      with: (place, work) => tracing.with(place, work),
      active: () => tracing.active(),
      root: () => tracing.root(),
      // Empty leaves the entry with what it has.
      getMetadata: (place) => metadataOf.get(place) ?? "",
      fromMetadata: (_active, metadata) => {
        const place = tracing.read(metadata) ?? tracing.root();
        metadataOf.set(place, metadata);
        return place;
      },
    },
  };
}
