import { createServer, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

/** A request as it came. */
export interface ReceivedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly path: string;
}

/** A webhook receiver on this machine. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** The status of the next answers; undefined closes the connection without one. */
  answer: (request: ReceivedRequest) => number | undefined | Promise<number | undefined>;
  /** The first `count` requests, once they are there. */
  received(count: number): Promise<readonly ReceivedRequest[]>;
}

/** Longer than a courier's loss takes to be seen, on two busy cores. */
const WAIT_MS = 60_000;
const POLL_MS = 50;

/** Starts a receiver that answers 204. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const requests: ReceivedRequest[] = [];
  const server = createServer(async (request, response) => {
    const received = { headers: headersOf(request), body: await readBody(request), path: request.url ?? "" };
    requests.push(received);
    const status = await receiver.answer(received);
    if (status === undefined) request.socket.destroy();
    else response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${port}/hook`,
    requests,
    answer: () => 204,
    async received(count) {
      const deadline = performance.now() + WAIT_MS;
      while (requests.length < count) {
        if (performance.now() > deadline) throw new Error(`${requests.length} requests came, not ${count}`);
        await delay(POLL_MS);
      }
      return requests.slice(0, count);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}
