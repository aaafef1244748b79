import { createServer, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
// An alias of @opentelemetry/otlp-transformer 0.216: versions from 0.218 on encode only and hold no decoder to judge by.
import root from "otlp-protocol/build/src/generated/root.js";

/** The parts of `ExportTraceServiceRequest` that tests read, as the protocol's own decoder gives them. */
interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly WireSpan[] }[];
  }[];
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface WireSpan {
  readonly traceId: Uint8Array;
  readonly spanId: Uint8Array;
  readonly parentSpanId: Uint8Array | null;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: { toString(): string };
  readonly endTimeUnixNano: { toString(): string };
  readonly attributes: readonly KeyValue[];
  readonly links: readonly { readonly traceId: Uint8Array; readonly spanId: Uint8Array }[];
  readonly status?: { readonly code?: number } | null;
}

/** A span as it came. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a span that begins its trace. */
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Trace and span of each link. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly isError: boolean;
  /** Of the process that sent it. */
  readonly resource: Readonly<Record<string, string>>;
}

/** A collector on this machine that keeps all that it is sent. */
export interface OtlpReceiver extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Every body as it came. */
  readonly bodies: readonly Buffer[];
  /** The values of each request's `authorization`. */
  readonly authorizations: readonly (string | undefined)[];
  /** Waits until `look` gives something. */
  find<Found>(look: (spans: readonly ReceivedSpan[]) => Found | undefined): Promise<Found>;
}

const WAIT_MS = 60_000;
const POLL_MS = 50;
const NS_PER_MS = 1_000_000;
const STATUS_ERROR = 2;

/** Starts a collector. Source: opentelemetry.io, "OTLP Specification", OTLP/HTTP. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    if (request.url !== "/v1/traces" || request.headers["content-type"] !== "application/x-protobuf") {
      response.writeHead(400).end();
      return;
    }
    bodies.push(body);
    authorizations.push(request.headers.authorization);
    spans.push(...decodeSpans(body));
    // An empty body is an ExportTraceServiceResponse without complaints.
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    bodies,
    authorizations,
    async find(look) {
      const deadline = performance.now() + WAIT_MS;
      for (;;) {
        const found = look(spans);
        if (found !== undefined) return found;
        if (performance.now() > deadline) {
          const names = spans.map(({ name, parentId }) => `${name}<${parentId}`).join(", ");
          throw new Error(`what is looked for did not come; there are ${names}`);
        }
        await delay(POLL_MS);
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The spans of one request's body. */
export function decodeSpans(body: Uint8Array): ReceivedSpan[] {
  const request = requestType().decode(body);
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const told = readAttributes(resource?.attributes ?? []);
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...readSpan(span), resource: told })));
  });
}

/** The package declares no types for what it generates from the protocol. */
function requestType(): { decode(body: Uint8Array): ExportRequest } {
  const names = ["opentelemetry", "proto", "collector", "trace", "v1", "ExportTraceServiceRequest"];
  let found: unknown = root;
  for (const name of names) found = Object.entries(found ?? {}).find(([key]) => key === name)?.[1];
  return found as { decode(body: Uint8Array): ExportRequest };
}

function readSpan(span: WireSpan): Omit<ReceivedSpan, "resource"> {
  return {
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    startMs: Number(span.startTimeUnixNano.toString()) / NS_PER_MS,
    endMs: Number(span.endTimeUnixNano.toString()) / NS_PER_MS,
    attributes: readAttributes(span.attributes),
    links: span.links.map((link) => ({ traceId: hex(link.traceId), spanId: hex(link.spanId) })),
    isError: span.status?.code === STATUS_ERROR,
  };
}

function readAttributes(pairs: readonly KeyValue[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [key, String(Object.values(value)[0] ?? "")] as const),
  );
}

/** What is not set comes as null. */
function hex(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString("hex");
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
