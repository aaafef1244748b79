import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { FarmError } from "@latentfarm/contract";
import { METRICS_CONTENT_TYPE, type Metrics } from "./metrics.js";

/** Where a process tells its metrics, and what it tells. */
export interface MetricsServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  /** Why the process takes no work now, in a sentence; undefined while it does. */
  readonly unready: () => string | undefined;
}

/** A listening server; disposing of it closes it at once. */
export interface MetricsServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9465`. */
  readonly url: string;
}

/** Connections at once: a few scrapers and probes. */
const CONNECTIONS_MAX = 32;
/** Milliseconds for a request to arrive whole: scrapers and probes send a few hundred bytes. */
const REQUEST_MS_MAX = 5_000;

const OK = 200;
const NOT_FOUND = 404;
const METHOD_NOT_ALLOWED = 405;
const INTERNAL = 500;
const UNAVAILABLE = 503;

/**
 * Listens for Prometheus and probes: `/metrics`, `/healthz` (the process lives) and `/readyz` (it takes work). It asks for no
 * key and tells no names of clients, but belongs on an address that only the operator's machines reach.
 * @throws {FarmError} config_invalid the address cannot be listened on
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port } = options;
  const server = createServer({ requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("request", (request, response) => {
    if (request.method === "GET" || request.method === "HEAD") void answer(options, request.url, response);
    else say(response.setHeader("Allow", "GET, HEAD"), METHOD_NOT_ALLOWED, "use GET");
  });
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const message = `Cannot listen on ${host}:${port} as the system refuses: code is ${code}`;
    throw new FarmError("config_invalid", message, { cause: error });
  }
  const bound = server.address();
  const boundPort = bound !== null && typeof bound === "object" ? bound.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { metrics, unready }: MetricsServerOptions,
  path: string | undefined,
  response: ServerResponse,
): Promise<void> {
  if (path === "/healthz") return say(response, OK, "ok");
  if (path === "/readyz") {
    const reason = unready();
    return reason === undefined ? say(response, OK, "ready") : say(response, UNAVAILABLE, reason);
  }
  if (path !== "/metrics") return say(response, NOT_FOUND, "no such path");
  try {
    const text = await metrics.text();
    response.setHeader("Content-Type", METRICS_CONTENT_TYPE).end(text);
  } catch {
    say(response, INTERNAL, "the metrics have a fault");
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}
