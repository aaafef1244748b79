import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A line to a port of this machine on which each connection has its own, low speed. */
export interface SlowLine extends AsyncDisposable {
  readonly endpoint: string;
}

/** Milliseconds by which a timer of a loaded machine may be late without slowing the line. */
const LATE_MS_MAX = 250;
const MS_PER_SECOND = 1_000;

/** Opens the line: what the server sends is held back so that a connection gets so many bytes a second. */
export async function openSlowLine(targetPort: number, bytesPerSecond: number): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket
        .on("error", () => undefined)
        .once("close", () => {
          sockets.delete(socket);
          client.destroy();
          target.destroy();
        });
    }
    client.pipe(target);
    let freeMs = performance.now();
    target.on("data", (chunk: Buffer) => {
      client.write(chunk);
      freeMs =
        Math.max(freeMs, performance.now() - LATE_MS_MAX) + (chunk.length / bytesPerSecond) * MS_PER_SECOND;
      target.pause();
      setTimeout(() => target.resume(), Math.max(0, freeMs - performance.now()));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
