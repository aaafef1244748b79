import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** A request that came. */
export interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** An HTTP server in the place of a gateway. */
export interface FakeFarm extends AsyncDisposable {
  readonly baseUrl: string;
  readonly requests: readonly Request[];
}

/** Answers a request, the first being number 0. */
export type Answer = (response: ServerResponse, request: Request, number: number) => void;

/** Starts a server whose answers a test decides. */
export async function startFakeFarm(answer: Answer): Promise<FakeFarm> {
  const requests: Request[] = [];
  const server = createServer((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const { method = "", url = "", headers } = message;
      const request = { method, url, headers, body: Buffer.concat(chunks).toString() };
      requests.push(request);
      answer(response, request, requests.length - 1);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** Answers with a problem, as the gateway does. */
export function answerProblem(
  response: ServerResponse,
  status: number,
  problem: {
    readonly code: string;
    readonly detail?: string;
    readonly retryAfter?: number;
    readonly errors?: unknown;
  },
): void {
  const { retryAfter, ...rest } = problem;
  if (retryAfter !== undefined) response.setHeader("retry-after", String(retryAfter));
  const body = { type: "about:blank", title: "Title", status, request_id: "req_1", ...rest };
  response.writeHead(status, { "content-type": "application/problem+json; charset=utf-8" });
  response.end(JSON.stringify(body));
}
