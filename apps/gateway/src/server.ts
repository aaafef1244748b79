import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { FarmError } from "@latentfarm/contract";
import { CONNECTIONS_MAX, DRAIN_MS_MAX, HEADERS_MS_MAX, KEEP_ALIVE_MS, REQUEST_MS_MAX } from "./limits.js";

/** Milliseconds between looks for connections that a drain can close. */
const IDLE_SWEEP_MS = 20;

/** A listening server; leaving its scope closes it, since one that listens keeps a process alive that has failed. */
export interface RunningServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Takes no more connections, waits for answers under way up to DRAIN_MS_MAX, then cuts what is left; twice is once. */
  readonly close: () => Promise<void>;
}

/**
 * Listens on an address; resolves once connections are taken.
 * @throws {FarmError} config_invalid the address cannot be listened on.
 */
export async function startServer(
  listener: RequestListener,
  address: { readonly host: string; readonly port: number },
): Promise<RunningServer> {
  const server = createServer(
    { requestTimeout: REQUEST_MS_MAX, headersTimeout: HEADERS_MS_MAX, keepAliveTimeout: KEEP_ALIVE_MS },
    listener,
  );
  server.maxConnections = CONNECTIONS_MAX;
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  try {
    server.listen(address.port, address.host);
    await once(server, "listening");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    const message = `Cannot listen on ${address.host}:${address.port} as the system refuses: code is ${code}`;
    throw new FarmError("config_invalid", message, { cause: error });
  }
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= closeServer(server, sockets);
    return closed;
  };
  return { url: urlOf(server, address.host), close, [Symbol.asyncDispose]: close };
}

function urlOf(server: Server, host: string): string {
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // A connection that ends its answer now would stay for its keep-alive time, some seconds; one that a client has
  // opened ahead of its need counts as busy for Node until the headers are overdue.
  const sweep = setInterval(() => {
    server.closeIdleConnections();
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  }, IDLE_SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS_MAX);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
