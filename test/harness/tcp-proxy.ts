import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What the proxy does with the bytes of one direction: hand them on, keep them until told otherwise, or lose them. */
export type FlowMode = "pass" | "hold" | "drop";

/** What the proxy does with a new connection: hand it on, close it at once, or take it and leave it silent. */
export type AcceptMode = "pass" | "refuse" | "hold";

/** One direction of all connections. */
export interface FlowRules {
  mode: FlowMode;
  /** Milliseconds by which each piece is late. */
  delayMs: number;
}

/** A TCP proxy on a port of its own, with faults for the connections through it. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** From the client to the server. */
  readonly requests: Readonly<FlowRules>;
  /** From the server to the client. */
  readonly answers: Readonly<FlowRules>;
  /** Changes a direction; what was held flows once the mode is `pass` again, and is lost once it is `drop`. */
  set(direction: "requests" | "answers", rules: Partial<FlowRules>): void;
  /** Changes what becomes of new connections; those that were held are handed on with `pass` and closed with `refuse`. */
  accept(mode: AcceptMode): void;
  /** Breaks every open connection with a reset, as a rebooted router does. */
  reset(): void;
  /** Ends every fault. */
  heal(): void;
}

interface Link {
  readonly client: Socket;
  server: Socket | undefined;
  readonly held: { readonly requests: Buffer[]; readonly answers: Buffer[] };
}

/** Bytes that one direction of one connection may hold: more would only show that a test forgot to heal. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

/** Starts a proxy in front of a port of this machine; dispose it with `await using`. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const links = new Set<Link>();
  const rules = {
    requests: { mode: "pass", delayMs: 0 } as FlowRules,
    answers: { mode: "pass", delayMs: 0 } as FlowRules,
  };
  let accepting: AcceptMode = "pass";
  const server = createServer({ allowHalfOpen: false }, (client) => {
    if (accepting === "refuse") return void client.resetAndDestroy();
    const link: Link = { client, server: undefined, held: { requests: [], answers: [] } };
    links.add(link);
    watch(link, "requests", rules.requests, links);
    if (accepting === "pass") dial(link, { targetPort, rules, links });
  });
  const set: TcpProxy["set"] = (direction, change) => {
    Object.assign(rules[direction], change);
    for (const link of links) settle(link, direction, rules[direction]);
  };
  const accept: TcpProxy["accept"] = (mode) => {
    accepting = mode;
    for (const link of links) {
      if (link.server === undefined && mode === "pass") dial(link, { targetPort, rules, links });
      if (link.server === undefined && mode === "refuse") cut(link, links);
    }
  };
  const reset = (): void => {
    for (const link of links) cut(link, links);
  };
  return {
    port: await listen(server),
    get connections() {
      return links.size;
    },
    ...rules,
    set,
    accept,
    reset,
    heal() {
      accept("pass");
      set("requests", { mode: "pass", delayMs: 0 });
      set("answers", { mode: "pass", delayMs: 0 });
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      reset();
      await closed;
    },
  };
}

function dial(
  link: Link,
  to: {
    readonly targetPort: number;
    readonly rules: Readonly<Record<"requests" | "answers", FlowRules>>;
    readonly links: Set<Link>;
  },
): void {
  link.server = connect({ host: "127.0.0.1", port: to.targetPort });
  watch(link, "answers", to.rules.answers, to.links);
  settle(link, "requests", to.rules.requests);
}

/** Carries what comes in on one side of a connection over to the other. */
function watch(link: Link, direction: "requests" | "answers", rules: FlowRules, links: Set<Link>): void {
  const socket = direction === "requests" ? link.client : link.server;
  socket?.setNoDelay(true);
  socket?.on("data", (bytes: Buffer) => {
    if (rules.mode === "drop") return;
    link.held[direction].push(bytes);
    const heldBytes = link.held[direction].reduce((sum, { length }) => sum + length, 0);
    if (heldBytes > HELD_BYTES_MAX) cut(link, links);
    else later(rules.delayMs, () => settle(link, direction, rules));
  });
  // Either end's end is the other's: a half-open connection is a fault of its own, asked for by `hold`.
  socket?.on("error", () => cut(link, links));
  socket?.on("close", () => cut(link, links));
}

function later(ms: number, work: () => void): void {
  if (ms === 0) work();
  else setTimeout(work, ms);
}

/** Hands on, or lets go of, what one direction of a connection holds. */
function settle(link: Link, direction: "requests" | "answers", rules: FlowRules): void {
  const held = link.held[direction];
  const target = direction === "requests" ? link.server : link.client;
  if (rules.mode === "hold" || target === undefined) return;
  for (const bytes of held.splice(0)) if (rules.mode === "pass") target.write(bytes);
}

function cut(link: Link, links: Set<Link>): void {
  if (!links.delete(link)) return;
  for (const socket of [link.client, link.server]) {
    if (socket?.connecting) socket.destroy();
    else socket?.resetAndDestroy();
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("Cannot start a proxy: it has no port");
  return address.port;
}
