import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** What becomes of one request to an S3 server. */
export type S3Fault =
  /** The server does not see it; the client is answered an error of S3. */
  | { readonly kind: "error"; readonly status: number; readonly code: string }
  /** The server carries it out; the client's connection breaks before a byte of the answer. */
  | { readonly kind: "cut-answer" }
  /** The client's connection breaks in the middle of the answer's body. */
  | { readonly kind: "cut-body" }
  /** Half of the answer's body comes, and then nothing more on a connection that stays. */
  | { readonly kind: "stall-body" }
  /** One byte of the answer's body is another one than the server sent. */
  | { readonly kind: "wrong-byte" }
  /** The server does not see it; the connection breaks in the middle of the request's body. */
  | { readonly kind: "cut-request" };

/** An HTTP proxy in front of an S3 server, with faults that TCP knows nothing of. */
export interface S3Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** The methods and paths of all requests so far. */
  readonly requests: readonly string[];
  /**
   * Has the next so many requests of a method fail in this way, or pass when there is no fault. A word behind the method
   * picks those whose path holds it.
   */
  fail(method: string, fault: S3Fault | undefined, count?: number): void;
  /** Holds every answer back for so many milliseconds from now on. */
  slow(ms: number): void;
  /** Ends every fault. */
  heal(): void;
}

/** Bytes of a request that its connection lets through before it breaks. */
const CUT_BYTES = 1_000;

/** Starts a proxy in front of a port of this machine; dispose it with `await using`. */
export async function startS3Proxy(targetPort: number): Promise<S3Proxy> {
  const faults: { method: string; fault: S3Fault | undefined; left: number }[] = [];
  const requests: string[] = [];
  let delayMs = 0;
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const planned = faults.find(({ method, left }) => left > 0 && isOf(incoming, method));
    if (planned !== undefined) planned.left--;
    void carry({ incoming, outgoing, targetPort, delayMs }, planned?.fault);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("Cannot start a proxy: it has no port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    fail: (method, fault, count = 1) => void faults.push({ method, fault, left: count }),
    slow: (ms) => {
      delayMs = ms;
    },
    heal() {
      faults.splice(0);
      delayMs = 0;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function isOf({ method, url = "" }: IncomingMessage, wanted: string): boolean {
  const [name, word = ""] = wanted.split(" ");
  return method === name && url.includes(word);
}

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly targetPort: number;
  readonly delayMs: number;
}

async function carry(exchange: Exchange, fault: S3Fault | undefined): Promise<void> {
  const { incoming, outgoing } = exchange;
  if (fault?.kind === "cut-request") return cutRequest(incoming);
  const body = await readAll(incoming);
  if (fault?.kind === "error") {
    outgoing.writeHead(fault.status, { "content-type": "application/xml", date: new Date().toUTCString() });
    outgoing.end(
      `<?xml version="1.0"?><Error><Code>${fault.code}</Code><Message>for a test</Message></Error>`,
    );
    return;
  }
  const answer = await forward(exchange, body);
  if (answer === undefined || fault?.kind === "cut-answer") return void incoming.socket.resetAndDestroy();
  await delay(exchange.delayMs);
  outgoing.writeHead(answer.status, answer.headers);
  if (fault?.kind === "wrong-byte") answer.body.fill(Number(answer.body[0]) ^ 1, 0, 1);
  if (fault?.kind !== "cut-body" && fault?.kind !== "stall-body") return void outgoing.end(answer.body);
  // Flushed first: a reset discards what is still to be sent.
  outgoing.write(answer.body.subarray(0, answer.body.length / 2), () => {
    if (fault.kind === "cut-body") incoming.socket.resetAndDestroy();
  });
}

async function cutRequest(incoming: IncomingMessage): Promise<void> {
  let bytes = 0;
  incoming.on("error", () => undefined);
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= CUT_BYTES) incoming.socket.resetAndDestroy();
  });
}

/** The server's answer; undefined when it gives none. The signature covers the headers, so that they go on as they are. */
function forward(
  { incoming, targetPort }: Exchange,
  body: Buffer,
): Promise<{ status: number; headers: IncomingMessage["headers"]; body: Buffer } | undefined> {
  return new Promise((resolve) => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port: targetPort, method, path, headers }, (answer) => {
      readAll(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: bytes }),
        () => resolve(undefined),
      );
    });
    outgoing.on("error", () => resolve(undefined));
    outgoing.end(body);
  });
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
