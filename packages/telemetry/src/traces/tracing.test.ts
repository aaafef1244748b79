import { FarmError } from "@latentfarm/contract";
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import * as conventions from "@opentelemetry/semantic-conventions";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createLogger } from "../logger.js";
import { createTracing } from "./create-tracing.js";
import { openTracing } from "./otel-tracing.js";
import { ATTRIBUTES } from "./span-table.js";
import { NO_TRACING, type Tracing } from "./tracing.js";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;

function open(): { tracing: Tracing; spans: () => ReadableSpan[]; named: (name: string) => ReadableSpan } {
  const exporter = new InMemorySpanExporter();
  const processor = new SimpleSpanProcessor(exporter);
  const tracing = openTracing({ process: "worker", instance: "w1" }, { processor });
  const spans = () => exporter.getFinishedSpans();
  const named = (name: string) => {
    const found = spans().find((span) => span.name === name);
    if (found === undefined) throw new Error(`no span ${name}`);
    return found;
  };
  return { tracing, spans, named };
}

function placeOf(tracing: Tracing, text: string) {
  const place = tracing.read(text);
  if (place === undefined) throw new Error("the text names a place");
  return place;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("createTracing()", () => {
  it("gives the tracing that does nothing when traces are off", async () => {
    expect(await createTracing({ isOn: false, process: "worker", instance: "w" })).toBe(NO_TRACING);
  });

  it("opens the SDK when traces are on", async () => {
    await using tracing = await createTracing({ isOn: true, process: "worker", instance: "w" });
    expect(tracing.isOn).toBe(true);
  });
});

describe("NO_TRACING", () => {
  it("does the work and nothing else", async () => {
    const bound = NO_TRACING.bind((a: number) => a + 1);
    expect([bound(1), NO_TRACING.with(NO_TRACING.root(), () => 2)]).toEqual([2, 2]);
    expect(await NO_TRACING.span("render", {}, async (span) => span.context)).toBe(NO_TRACING.root());
    expect([NO_TRACING.read(PARENT), NO_TRACING.write(NO_TRACING.active())]).toEqual([undefined, ""]);
  });
});

describe("openTracing()", () => {
  it("hangs a span below the active one and that below the client's", async () => {
    const { tracing, named } = open();
    await tracing.with(placeOf(tracing, PARENT), () =>
      tracing.span("process_frame", { "farm.frame.index": 3 }, async () => {
        await tracing.span("render", {}, async () => undefined);
      }),
    );
    const [outer, inner] = [named("process frame"), named("render frame")];
    expect(outer.parentSpanContext).toMatchObject({ traceId: TRACE_ID, spanId: "b7ad6b7169203331" });
    expect(inner.parentSpanContext?.spanId).toBe(outer.spanContext().spanId);
    expect(inner.spanContext().traceId).toBe(TRACE_ID);
    expect(outer.attributes).toEqual({ "farm.frame.index": 3 });
    expect(outer.resource.attributes).toMatchObject({
      "service.name": "latentfarm-worker",
      "service.instance.id": "w1",
    });
  });

  it("tells of an error its code alone, and counts an interruption as no fault", async () => {
    const { tracing, named } = open();
    const secret = "prompt hunter2";
    const failing = (name: "render" | "upload" | "encode", error: Error) =>
      tracing
        .with(placeOf(tracing, PARENT), () => tracing.span(name, {}, () => Promise.reject(error)))
        .catch(() => undefined);
    await failing("render", new FarmError("numeric_fault", secret));
    await failing("upload", new FarmError("interrupted", secret));
    await failing("encode", new Error(secret));
    expect(named("render frame")).toMatchObject({
      status: { code: 2 },
      attributes: { "error.type": "numeric_fault" },
    });
    expect(named("upload picture").status.code).toBe(0);
    expect(named("encode picture").attributes["error.type"]).toBe("internal");
    const told = [named("render frame"), named("upload picture"), named("encode picture")].map(
      ({ status, events, attributes }) => JSON.stringify({ status, events, attributes }),
    );
    expect(told.join()).not.toContain("hunter2");
  });

  it("keeps a place as text, and a quiet one quiet, which no client can ask for", () => {
    const { tracing, spans } = open();
    const place = placeOf(tracing, PARENT);
    expect(tracing.write(place)).toBe(PARENT);
    const quiet = placeOf(tracing, tracing.write(tracing.quiet(place)));
    const span = tracing.start("render", { parent: quiet });
    span.end();
    expect([tracing.isRecorded(place), tracing.isRecorded(quiet), spans().length]).toEqual([true, false, 0]);
    expect(tracing.traceparent(span.context)).toBe(PARENT);
    expect(tracing.isRecorded(tracing.readHeader(PARENT) ?? {})).toBe(true);
    expect(tracing.readHeader(tracing.write(quiet))).toBeUndefined();
    for (const text of ["", "x", `${PARENT}/loud`, PARENT.replace(TRACE_ID, "0".repeat(32))])
      expect(tracing.read(text)).toBeUndefined();
  });

  it("records nothing of a client that does not sample, and keeps its id", () => {
    const { tracing, spans } = open();
    const span = tracing.start("submit", { parent: placeOf(tracing, PARENT.replace(/01$/, "00")) });
    span.end();
    expect(spans()).toEqual([]);
    expect(tracing.traceparent(span.context)).toContain(TRACE_ID);
  });

  it("begins no trace but with a request", async () => {
    const { tracing, spans } = open();
    await tracing.span("store", {}, async (span) => expect(tracing.write(span.context)).toBe(""));
    tracing.start("request").end();
    expect(spans().map(({ name }) => name)).toEqual(["{method} {route}"]);
  });

  it("takes times and links, and leaves out links to what is not recorded", () => {
    const { tracing, named } = open();
    const parent = placeOf(tracing, PARENT);
    const batch = tracing.start("batches", { parent, startMs: 1_000 });
    batch.end(1_500);
    const links = [batch.context, tracing.quiet(batch.context), tracing.root()];
    tracing.start("steps", { parent, links, startMs: 900 }).end(1_600);
    const [ended, steps] = [named("step batches"), named("run steps")];
    expect([ended.startTime, ended.endTime]).toEqual([
      [1, 0],
      [1, 500_000_000],
    ]);
    expect(steps.links.map(({ context }) => context.spanId)).toEqual([ended.spanContext().spanId]);
  });

  it("gives a callback its place, and a detached loop none", async () => {
    const { tracing } = open();
    let bound: () => string | undefined = () => undefined;
    let loose: () => string | undefined = () => undefined;
    await tracing.span("request", {}, async () => {
      bound = tracing.bind(() => tracing.logFields().trace_id);
      loose = () => tracing.logFields().trace_id;
      expect(tracing.with(tracing.root(), () => tracing.logFields())).toEqual({});
    });
    expect([typeof bound(), loose()]).toEqual(["string", undefined]);
  });

  it("honours OTEL_TRACES_SAMPLER, OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES", () => {
    vi.stubEnv("OTEL_SERVICE_NAME", "mine");
    vi.stubEnv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    const { tracing, named } = open();
    tracing.start("request").end();
    expect(named("{method} {route}").resource.attributes).toMatchObject({
      "service.name": "mine",
      "deployment.environment.name": "test",
      "farm.process": "worker",
    });
    vi.stubEnv("OTEL_TRACES_SAMPLER", "always_off");
    const off = open();
    off.tracing.start("request").end();
    expect(off.spans()).toEqual([]);
  });
});

describe("lines of the log", () => {
  it("carry the ids of the work at hand, and none outside of it", async () => {
    const { tracing, named } = open();
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (text: string) => void lines.push(JSON.parse(text)) };
    const log = createLogger({ name: "worker", level: "info", destination, fields: tracing.logFields });
    const write = async () => log.child({ a: 1 }).info({ jobId: "job_1" }, "within");
    await tracing.span("request", {}, write);
    log.info({}, "outside");
    const { traceId, spanId } = named("{method} {route}").spanContext();
    expect(lines[0]).toMatchObject({ jobId: "job_1", trace_id: traceId, span_id: spanId, trace_flags: "01" });
    expect(lines[1]).not.toHaveProperty("trace_id");
  });
});

describe("ATTRIBUTES", () => {
  it("has of foreign names only those of OpenTelemetry's conventions", () => {
    const known = new Set<unknown>(Object.values(conventions));
    const foreign = Object.keys(ATTRIBUTES).filter((name) => !/^(farm|messaging)\./.test(name));
    expect(foreign.filter((name) => !known.has(name))).toEqual([]);
    expect(known.has("http.made_up")).toBe(false);
  });
});
