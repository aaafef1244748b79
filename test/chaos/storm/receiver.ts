import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import type { Fault } from "./plan.js";
import type { Receipt } from "./record.js";

/** How the receiver takes what comes; `forgetful` takes an event and then breaks the connection. */
export type Mood = "well" | Extract<Fault, { kind: "receiver" }>["mood"];

/** Milliseconds that a slow receiver takes: well inside of a courier's time limit. */
const SLOW_MS = 2_500;

/** A receiver of webhooks that writes down all that it gets. */
export interface Receiver extends AsyncDisposable {
  /** Where a tenant's events go. */
  urlOf(tenant: string): string;
  mood: Mood;
  readonly receipts: readonly Receipt[];
  /** Requests that could not be read as an event at all. */
  readonly oddities: readonly string[];
  /** Tells the secret that a tenant's events are signed with. */
  trust(tenant: string, secret: string): void;
}

/** Starts a receiver on a free port of this machine. */
export async function startReceiver(): Promise<Receiver> {
  const receipts: Receipt[] = [];
  const oddities: string[] = [];
  const secrets = new Map<string, string>();
  const server = createServer((request, response) => {
    take(request, response).catch((error: unknown) => oddities.push(String(error)));
  });
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { mood } = receiver;
    if (mood === "down") return void request.socket.resetAndDestroy();
    const body = (await buffer(request)).toString("utf8");
    const answer = mood === "failing" ? 500 : mood === "forgetful" ? undefined : 204;
    receipts.push({ ...read(request, body, secrets), answer });
    if (mood === "slow") await delay(SLOW_MS);
    if (answer === undefined) request.socket.resetAndDestroy();
    else response.writeHead(answer).end();
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const receiver: Receiver = {
    urlOf: (tenant) => `http://127.0.0.1:${port}/${tenant}`,
    mood: "well",
    receipts,
    oddities,
    trust: (tenant, secret) => void secrets.set(tenant, secret),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

function read(
  request: IncomingMessage,
  body: string,
  secrets: ReadonlyMap<string, string>,
): Omit<Receipt, "answer"> {
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  const { type, sequence, data } = JSON.parse(body);
  const secret = secrets.get((request.url ?? "").slice(1));
  return {
    id: headers["webhook-id"] ?? "",
    jobId: String(data.id),
    type: String(type),
    sequence: Number(sequence),
    verified: secret !== undefined && verifies(secret, body, headers),
  };
}

function verifies(secret: string, body: string, headers: Record<string, string>): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
