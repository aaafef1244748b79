import { createServer, type RequestListener } from "node:http";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createBoundedExporter } from "./otel-exporter.js";
import { FLUSH_MS_MAX, openTracing } from "./otel-tracing.js";

/** A process's end may take this much longer than its flush, on busy cores. */
const SLACK_MS = 1_000;

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Makes one span for a collector and ends; gives the milliseconds and what the log was told. */
async function traceTo(port: number) {
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${port}`);
  const exporter = createBoundedExporter();
  const parts = { exporter, processor: new BatchSpanProcessor(exporter) };
  const tracing = openTracing({ process: "worker", instance: "w" }, parts);
  const log = { info: vi.fn(), warn: vi.fn() };
  tracing.tellOutages(log);
  const started = performance.now();
  await tracing.span("request", {}, async () => undefined);
  const workMs = performance.now() - started;
  await tracing[Symbol.asyncDispose]();
  return { workMs, endMs: performance.now() - started, log };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("createBoundedExporter()", () => {
  it("sends what is left at the end to a collector that answers", async () => {
    let bytes = 0;
    await using collector = await serve((request, response) => {
      request.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on("end", () => response.end());
    });
    const { endMs, log } = await traceTo(collector.port);
    expect(bytes).toBeGreaterThan(0);
    expect(endMs).toBeLessThan(FLUSH_MS_MAX);
    expect(log.warn).not.toHaveBeenCalled();
  });

  it("does not let an absent, hanging or overloaded collector hold up work or end", async () => {
    await using hanging = await serve(() => undefined);
    await using overloaded = await serve((_request, response) => response.writeHead(503).end());
    await using gone = await serve(() => undefined);
    const absentPort = gone.port;
    await gone[Symbol.asyncDispose]();
    for (const port of [absentPort, hanging.port, overloaded.port]) {
      const { workMs, endMs } = await traceTo(port);
      expect(workMs).toBeLessThan(SLACK_MS);
      expect(endMs).toBeLessThan(FLUSH_MS_MAX + SLACK_MS);
    }
  });

  it("tells once that the collector is away, and when it is back how many spans were lost", async () => {
    let status = 400;
    await using collector = await serve((_request, response) => response.writeHead(status).end());
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${collector.port}`);
    const exporter = createBoundedExporter();
    const processor = new BatchSpanProcessor(exporter);
    const tracing = openTracing({ process: "worker", instance: "w" }, { exporter, processor });
    const log = { info: vi.fn(), warn: vi.fn() };
    tracing.tellOutages(log);
    const send = async () => {
      tracing.start("request").end();
      await processor.forceFlush().catch(() => undefined);
    };
    await send();
    await send();
    expect(log.warn).toHaveBeenCalledOnce();
    status = 200;
    await send();
    await send();
    expect(log.info.mock.calls).toEqual([[{ spansLost: 2 }, "traces are exported again"]]);
    await tracing[Symbol.asyncDispose]();
  });

  it("does not wait for longer than an end may take, whatever environment and collector ask for", async () => {
    vi.stubEnv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000");
    await using busy = await serve((request, response) =>
      request.resume().on("end", () => response.writeHead(503, { "retry-after": "20" }).end()),
    );
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${busy.port}`);
    const exporter = createBoundedExporter();
    const tracing = openTracing(
      { process: "worker", instance: "w" },
      { exporter, processor: new BatchSpanProcessor(exporter) },
    );
    const log = { info: vi.fn(), warn: vi.fn() };
    tracing.tellOutages(log);
    tracing.start("request").end();
    await tracing[Symbol.asyncDispose]();
    // A repeat beyond the bound is not begun: the failure is told, and nothing keeps the process alive.
    expect(log.warn).toHaveBeenCalledOnce();
    expect(log.warn.mock.calls[0]?.[0]).not.toMatchObject({ reason: "the process ends" });
  });
});
