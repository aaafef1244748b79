import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { TLS_CERTIFICATE, TLS_KEY } from "./tls-identity.js";

/** A receiver of webhooks on this machine. */
export interface Receiver extends AsyncDisposable {
  readonly port: number;
  /** Connections that were taken. */
  connections(): number;
}

/** Where a receiver listens: a free port of 127.0.0.1 unless told otherwise. */
export interface Place {
  readonly host?: string;
  readonly port?: number;
}

/** A receiver that answers as `listener` does. */
export function startHttp(listener: RequestListener, place: Place = {}): Promise<Receiver> {
  return listen(createHttpServer(listener), place);
}

/** The same over TLS, with the tests' own certificate. */
export function startHttps(listener: RequestListener): Promise<Receiver> {
  return listen(createHttpsServer({ cert: TLS_CERTIFICATE, key: TLS_KEY }, listener), {});
}

/** A receiver that does with the bare socket whatever it likes. */
export function startTcp(onSocket: (socket: Socket) => void): Promise<Receiver> {
  return listen(createTcpServer(onSocket), {});
}

async function listen(server: Server, { host = "127.0.0.1", port = 0 }: Place): Promise<Receiver> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
