import { connect, createServer, type Socket } from "node:net";

/** Where the wire is cut: before the command reaches Redis, or after it was carried out and before the answer comes back. */
export type Cut = "before" | "after";

/** A way to Redis that breaks at a chosen command and stays broken, as the wire of a process that is killed does. */
export interface CommandCutter extends AsyncDisposable {
  readonly url: string;
  /** Cuts all connections at the `count`-th command from now on, over all of them. */
  arm(count: number, cut: Cut): void;
  /** True once it has cut. */
  readonly isCut: boolean;
}

/** How a command begins on the wire. Source: redis.io, "Redis serialization protocol specification". */
const COMMAND_START = /\*\d+\r\n\$/g;
/** Milliseconds for Redis to carry out a command whose answer is not wanted. */
const EXECUTION_MS = 50;

/** Starts a proxy to the Redis at `url`, to be used with the same database. */
export async function startCommandCutter(url: string): Promise<CommandCutter> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let left = Number.POSITIVE_INFINITY;
  let kind: Cut = "before";
  let isCut = false;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.on("data", (chunk) => void (isCut || client.write(chunk)));
    client.on("data", (chunk) => {
      if (isCut) return;
      const end = cutPoint(chunk);
      upstream.write(end === undefined || kind === "after" ? chunk : chunk.subarray(0, end));
      if (end === undefined) return;
      isCut = true;
      server.close();
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, EXECUTION_MS);
    });
  });
  const cutPoint = (chunk: Buffer): number | undefined => {
    // Latin-1 keeps one character per byte, so that places in the text are places in the bytes.
    for (const { index } of chunk.toString("latin1").matchAll(COMMAND_START)) {
      left--;
      if (left <= 0) return index;
    }
    return undefined;
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `redis://127.0.0.1:${port}${target.pathname}`,
    arm(count, cut) {
      left = count;
      kind = cut;
    },
    get isCut() {
      return isCut;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
