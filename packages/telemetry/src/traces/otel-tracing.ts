import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { FARM_VERSION, FarmError } from "@latentfarm/contract";
import {
  type Context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { isTracingSuppressed, parseTraceParent, suppressTracing } from "@opentelemetry/core";
import { detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { type BoundedExporter, createBoundedExporter } from "./otel-exporter.js";
import { createSpanQueue } from "./span-queue.js";
import { SPANS, type SpanAttributes, type SpanName, type SpanSpec } from "./span-table.js";
import type {
  FarmSpan,
  StartOptions,
  TraceContext,
  TraceLogFields,
  Tracing,
  TracingOptions,
} from "./tracing.js";

/** Milliseconds that the end of a process waits for its last spans to arrive. */
export const FLUSH_MS_MAX = 2_000;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Ends that are no faults: a client gave the job up, or another worker goes on with the frame. */
const NO_FAULTS: readonly string[] = ["canceled", "interrupted", "expired"];

/** Follows a `traceparent` below which nothing is recorded. */
const QUIET = "/quiet";

const HEX = 16;

/** What stands below the tracing; a test puts its own processor here. */
export interface TracingParts {
  readonly processor: SpanProcessor;
  readonly exporter?: Pick<BoundedExporter, "abandon" | "tellOutages">;
}

/**
 * Tracing by OpenTelemetry's SDK, without its global state: places are handed on by an own context manager, and nothing
 * else of the process is instrumented. Sampler, limits, batches and resource are what `OTEL_` names say.
 */
export function openTracing(
  options: Omit<TracingOptions, "isOn">,
  parts: TracingParts = exportParts(),
): Tracing {
  const { processor, exporter } = parts;
  const provider = new NodeTracerProvider({ resource: resourceOf(options), spanProcessors: [processor] });
  const tracer = provider.getTracer("latentfarm", FARM_VERSION);
  const places = new AsyncLocalStorageContextManager().enable();

  function start(name: SpanName, { attributes, parent, startMs, links, title }: StartOptions = {}): FarmSpan {
    const below = parent === undefined ? places.active() : toContext(parent);
    const spec: SpanSpec = SPANS[name];
    // Only a request begins a trace: what a process does of its own accord, or for a job without one, makes none.
    const isOutside = spec.kind !== "server" && trace.getSpanContext(below) === undefined;
    if (isOutside || isTracingSuppressed(below)) return silentSpan(below);
    const settings = {
      kind: KINDS[spec.kind],
      attributes: { ...attributes },
      links: (links ?? []).flatMap(linkTo),
      ...(startMs !== undefined && { startTime: new Date(startMs) }),
    };
    const span = tracer.startSpan(title ?? spec.title, settings, below);
    return toFarmSpan(span, trace.setSpan(below, span));
  }

  async function span<Result>(
    name: SpanName,
    attributes: SpanAttributes,
    work: (span: FarmSpan) => Promise<Result>,
  ): Promise<Result> {
    const own = start(name, { attributes });
    try {
      return await places.with(toContext(own.context), work, undefined, own);
    } catch (error) {
      own.fail(error instanceof FarmError ? error.code : "internal");
      throw error;
    } finally {
      own.end();
    }
  }

  return {
    isOn: true,
    active: () => places.active(),
    root: () => ROOT_CONTEXT,
    quiet: (context) => suppressTracing(toContext(context)),
    isRecorded: (context) => isRecorded(toContext(context)),
    with: (context, work) => places.with(toContext(context), work),
    bind: (call) => places.bind(places.active(), call),
    start,
    span,
    current: () => {
      const active = places.active();
      const present = isTracingSuppressed(active) ? undefined : trace.getSpan(active);
      return present === undefined ? silentSpan(active) : toFarmSpan(present, active);
    },
    traceparent: (context) => traceparentOf(toContext(context)),
    write: (context) => writeContext(toContext(context)),
    read: readContext,
    readHeader: readTraceparent,
    logFields: () => logFieldsOf(places.active()),
    tellOutages: (log) => exporter?.tellOutages(log),
    [Symbol.asyncDispose]: async () => {
      await endWithin(provider.shutdown());
      exporter?.abandon();
    },
  };
}

function exportParts(): TracingParts {
  const exporter = createBoundedExporter();
  return { exporter, processor: createSpanQueue(exporter) };
}

/** What the operator says of the resource stands over what the process says. */
function resourceOf({ process: role, instance }: Omit<TracingOptions, "isOn">) {
  const own = resourceFromAttributes({
    "service.name": `latentfarm-${role}`,
    "service.namespace": "latentfarm",
    "service.version": FARM_VERSION,
    "service.instance.id": instance,
    "host.name": hostname(),
    "process.pid": process.pid,
    "farm.process": role,
  });
  return own.merge(detectResources({ detectors: [envDetector] }));
}

/** A failed export is told by the exporter; an end that comes late is cut off. */
async function endWithin(end: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = delay(FLUSH_MS_MAX, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([end.catch(() => undefined), late]);
  timer.abort();
}

/** The places of the farm's interface are the SDK's contexts: no other module makes one. */
function toContext(place: TraceContext): Context {
  return place as Context;
}

function toFarmSpan(span: Span, context: Context): FarmSpan {
  return {
    context,
    set: (attributes) => void span.setAttributes({ ...attributes }),
    rename: (title) => void span.updateName(title),
    fail: (type) => {
      span.setAttribute("error.type", type);
      if (!NO_FAULTS.includes(type)) span.setStatus({ code: SpanStatusCode.ERROR });
    },
    end: (atMs) => span.end(atMs === undefined ? undefined : new Date(atMs)),
  };
}

function silentSpan(context: Context): FarmSpan {
  const nothing = () => undefined;
  return { context, set: nothing, rename: nothing, fail: nothing, end: nothing };
}

function isRecorded(context: Context): boolean {
  if (isTracingSuppressed(context)) return false;
  return ((trace.getSpanContext(context)?.traceFlags ?? TraceFlags.NONE) & TraceFlags.SAMPLED) !== 0;
}

function linkTo(place: TraceContext) {
  const context = toContext(place);
  const target = trace.getSpanContext(context);
  return target !== undefined && isRecorded(context) ? [{ context: target }] : [];
}

function spanContextOf(context: Context) {
  const known = trace.getSpanContext(context) ?? INVALID_SPAN_CONTEXT;
  return isSpanContextValid(known) ? known : undefined;
}

function flagsText(flags: number): string {
  return flags.toString(HEX).padStart(2, "0");
}

/** Source: w3.org, "Trace Context", section 3.2. */
function traceparentOf(context: Context): string | undefined {
  const known = spanContextOf(context);
  return known && `00-${known.traceId}-${known.spanId}-${flagsText(known.traceFlags)}`;
}

function writeContext(context: Context): string {
  const known = traceparentOf(context);
  return known === undefined ? "" : `${known}${isTracingSuppressed(context) ? QUIET : ""}`;
}

function readContext(text: string): Context | undefined {
  if (!text.endsWith(QUIET)) return readTraceparent(text);
  const context = readTraceparent(text.slice(0, -QUIET.length));
  return context && suppressTracing(context);
}

/** `tracestate` is not taken over: it is text of a client, and would be exported with every span. */
function readTraceparent(text: string): Context | undefined {
  const parsed = parseTraceParent(text);
  if (parsed === null) return undefined;
  const { traceId, spanId, traceFlags } = parsed;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Source: opentelemetry.io, "Trace Context in non-OTLP Log Formats". */
function logFieldsOf(context: Context): TraceLogFields {
  const known = spanContextOf(context);
  if (known === undefined) return {};
  return { trace_id: known.traceId, span_id: known.spanId, trace_flags: flagsText(known.traceFlags) };
}
