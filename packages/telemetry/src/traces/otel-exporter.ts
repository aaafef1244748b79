import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { type ExportResult, ExportResultCode, getNumberFromEnv } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import type { OutageLog } from "./tracing.js";

/**
 * Milliseconds for one export with its repeats, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise: a collector is near,
 * and what is still under way at a process's end can hold it for as long.
 */
const EXPORT_MS = 3_000;

/**
 * Milliseconds that it may say at most: a repeat that a collector has asked for by `Retry-After` cannot be called off, and
 * the orchestrators' time for an end (`STOP_SECONDS_*`) has 12 s to spare.
 */
const EXPORT_MS_MAX = 10_000;

/** Characters of a failure's reason in the log. */
const REASON_CHARS_MAX = 200;

/** An exporter that can be cut off. */
export interface BoundedExporter extends SpanExporter {
  /** Ends what is under way and refuses what is still to come, so that nothing keeps the process alive. */
  abandon(): void;
  /** Where outages are told from now on. */
  tellOutages(log: OutageLog): void;
  /** Takes in that spans were lost before they came here. */
  tellLost(spans: number, reason: string): void;
  /** Takes in that spans are lost no more before they come here. */
  tellBack(): void;
}

/**
 * The SDK's OTLP exporter, configured by `OTEL_EXPORTER_OTLP_*`, with two things that it lacks: an end that does not wait
 * for a collector, and a line in the log when one is away and when it is back. Spans that it could not send are lost.
 */
export function createBoundedExporter(): BoundedExporter {
  const agents: (HttpAgent | HttpsAgent)[] = [];
  const timeoutMs =
    getNumberFromEnv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") ??
    getNumberFromEnv("OTEL_EXPORTER_OTLP_TIMEOUT") ??
    EXPORT_MS;
  const exporter = new OTLPTraceExporter({
    timeoutMillis: Math.min(timeoutMs, EXPORT_MS_MAX),
    httpAgentOptions: (protocol) => {
      const agent =
        protocol === "https:" ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
      agents.push(agent);
      return agent;
    },
  });
  const outage = watchOutage();
  let isBehind = false;
  return {
    export(spans: ReadableSpan[], done: (result: ExportResult) => void) {
      exporter.export(spans, (result) => {
        if (result.code !== ExportResultCode.SUCCESS) outage.lose(spans.length, result.error?.message);
        else if (!isBehind) outage.end();
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    tellOutages: (log) => outage.tell(log),
    tellLost(spans, reason) {
      isBehind = true;
      outage.lose(spans, reason);
    },
    tellBack() {
      isBehind = false;
      outage.end();
    },
    abandon() {
      for (const agent of agents) cutOff(agent);
    },
  };
}

/** Errors without a code are not tried again by the exporter. */
function cutOff(agent: HttpAgent | HttpsAgent): void {
  const refuse = () => {
    throw new Error("the process ends");
  };
  Object.assign(agent, { createConnection: refuse });
  const sockets = [agent.sockets, agent.freeSockets].flatMap((pool) => Object.values(pool)).flat();
  for (const socket of sockets) socket?.destroy(new Error("the process ends"));
}

function watchOutage() {
  let log: OutageLog | undefined;
  let spansLost = 0;
  return {
    tell: (to: OutageLog) => {
      log = to;
    },
    end: () => {
      if (spansLost > 0) log?.info({ spansLost }, "traces are exported again");
      spansLost = 0;
    },
    lose: (spans: number, reason = "unknown") => {
      const told = { reason: reason.slice(0, REASON_CHARS_MAX) };
      if (spansLost === 0) log?.warn(told, "traces are not exported, the collector is away or too slow");
      spansLost += spans;
    },
  };
}
