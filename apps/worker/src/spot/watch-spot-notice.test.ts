import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { FarmError } from "@latentfarm/contract";
import { createLogger } from "@latentfarm/telemetry";
import { afterEach, describe, expect, it } from "vitest";
import { createAwsMetadata, type SpotNotice } from "./aws-metadata.js";
import { POLL_MS, watchSpotNotice } from "./watch-spot-notice.js";

const NOTICE = { action: "terminate", time: "2026-11-22T12:02:00Z" };
const log = createLogger({ name: "worker", level: "silent" });

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** What the stand-in does with one look for the notice; `silence` never answers. */
type Answer = { readonly status: number; readonly body?: string } | "silence";

/**
 * A stand-in for the metadata service: version 2 alone, and each token is good until an answer of 401. It gives the
 * answers in turn, and the last one again and again.
 */
async function startMetadata(answers: readonly Answer[]) {
  const seen: string[] = [];
  let tokens = 0;
  let looks = 0;
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    seen.push(`${request.method} ${request.url}`);
    if (request.method === "PUT" && request.url === "/latest/api/token") {
      const seconds = Number(request.headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      response.statusCode = seconds > 0 && seconds <= 21_600 ? 200 : 400;
      response.end(`token-${++tokens}`);
      return;
    }
    const known = request.headers["x-aws-ec2-metadata-token"] === `token-${tokens}`;
    const answer = answers[Math.min(looks, answers.length - 1)] ?? "silence";
    if (known) looks += 1;
    if (answer === "silence") return;
    response.statusCode = known ? answer.status : 401;
    response.end(answer.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stand-in listens on a port");
  return { url: `http://127.0.0.1:${address.port}`, seen, tokens: () => tokens };
}

/** Watches until the notice or for `looksMax` looks. */
async function watch(url: string, looksMax = 20) {
  const controller = new AbortController();
  const notices: SpotNotice[] = [];
  const waits: number[] = [];
  await watchSpotNotice({
    metadataUrl: url,
    log,
    signal: controller.signal,
    onNotice: (notice) => notices.push(notice),
    wait: async (ms) => {
      waits.push(ms);
      if (waits.length === looksMax) controller.abort();
    },
  });
  return { notices, waits };
}

describe("watchSpotNotice()", () => {
  it("looks every five seconds until the notice comes, with one token", async () => {
    const metadata = await startMetadata([
      { status: 404 },
      { status: 404 },
      { status: 200, body: JSON.stringify(NOTICE) },
    ]);
    const { notices, waits } = await watch(metadata.url);
    expect(notices).toEqual([NOTICE]);
    expect(waits).toEqual([POLL_MS, POLL_MS]);
    expect(metadata.seen[0]).toBe("PUT /latest/api/token");
    expect(metadata.seen.slice(1)).toEqual(Array(3).fill("GET /latest/meta-data/spot/instance-action"));
  });

  it("fetches a new token when the old one has run out", async () => {
    const metadata = await startMetadata([
      { status: 404 },
      { status: 401 },
      { status: 200, body: JSON.stringify(NOTICE) },
    ]);
    expect((await watch(metadata.url)).notices).toEqual([NOTICE]);
    expect(metadata.tokens()).toBe(2);
  });

  it("goes on looking through faults, and stops when it is told to", async () => {
    const metadata = await startMetadata([{ status: 500 }, { status: 200, body: "<html>" }, { status: 404 }]);
    const { notices, waits } = await watch(metadata.url, 5);
    expect(notices).toEqual([]);
    expect(waits).toHaveLength(5);
  });

  it("finds the notice after a service that was silent", async () => {
    const metadata = await startMetadata(["silence", { status: 200, body: JSON.stringify(NOTICE) }]);
    expect((await watch(metadata.url)).notices).toEqual([NOTICE]);
  });

  it("outlives a machine without such a service", async () => {
    expect((await watch("http://127.0.0.1:9", 2)).notices).toEqual([]);
  });
});

describe("readNotice()", () => {
  it.each([
    ["{}", 200],
    [JSON.stringify({ action: "reboot", time: NOTICE.time }), 200],
    [JSON.stringify({ action: "stop" }), 200],
    ["x".repeat(5_000), 200],
    ["", 403],
  ])("refuses %s with status %i", async (body, status) => {
    const metadata = await startMetadata([{ status, body }]);
    const { signal } = new AbortController();
    const read = createAwsMetadata({ url: metadata.url, fetch, signal }).readNotice();
    await expect(read).rejects.toBeInstanceOf(FarmError);
  });
});
