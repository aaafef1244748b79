import { createJobId, isJobId, type JobId } from "@latentfarm/contract";
import { createDiskStore } from "@latentfarm/storage";
import { STRICT_POLICY } from "@latentfarm/webhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "./app.js";
import { createContext, type GatewayContext } from "./context.js";
import { type RunningServer, startServer } from "./server.js";
import { createFakeFarm, type FakeFarm } from "./testing/fake-farm.js";

const silentLog = { info: () => {}, warn: () => {}, error: () => {} };
const address = { host: "127.0.0.1", port: 0 };
/** A preview far larger than any socket buffer, so that a reader that stops is felt. */
const LARGE_JPEG = "A".repeat(1_048_576);
const LARGE_PREVIEWS = 64;

let farm: FakeFarm;
let context: GatewayContext;
let server: RunningServer;
let id: JobId;
beforeEach(async () => {
  farm = createFakeFarm();
  const config = {
    ...address,
    lameDuckMs: 0,
    store: { kind: "disk", root: "/nonexistent" },
    webhookPolicy: STRICT_POLICY,
    logLevel: "silent",
    isTraced: false,
  } as const;
  const overrides = { farm, store: createDiskStore("/nonexistent"), log: silentLog, heartbeatMs: 5 };
  context = await createContext(config, { redisUrl: "redis://unused" }, overrides);
  server = await startServer(createApp(context), address);
  const body = JSON.stringify({ prompt: "a", seed: 1 });
  const headers = { "content-type": "application/json" };
  const answer: unknown = await (
    await fetch(`${server.url}/v1/jobs`, { method: "POST", body, headers })
  ).json();
  const given = typeof answer === "object" && answer !== null && "id" in answer ? String(answer.id) : "";
  id = isJobId(given) ? given : createJobId({ nowMs: 0, random: new Uint8Array(10) });
});
afterEach(async () => {
  context.drain();
  await server.close();
});

const follow = (init: RequestInit = {}): Promise<Response> =>
  fetch(`${server.url}/v1/jobs/${id}/events`, init);
const tellProgress = (step: number): void =>
  farm.tell(id, { type: "frame.progress", data: { index: 0, attempt: 1, step, steps: 20 } });
const endJob = (): void => farm.tell(id, { type: "job.succeeded", data: {} });

/** Ids and types of a stream, comments and `retry` left out. */
function idsAndTypes(text: string): string[] {
  return [...text.matchAll(/^id: (\d+)\nevent: (\S+)\ndata: (\{.*\})\n\n/gm)].map((match) => {
    expect(JSON.parse(String(match[3]))).toMatchObject({ id: Number(match[1]), type: match[2], job_id: id });
    return `${match[1]} ${match[2]}`;
  });
}

async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, wanted: string): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`the stream ended without ${wanted}`);
    text += new TextDecoder().decode(value);
  }
  return text;
}

describe("GET /v1/jobs/{id}/events", () => {
  it("streamEvents() replays the log, goes on live and ends with the job", async () => {
    tellProgress(1);
    const response = await follow();
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    await expect.poll(() => farm.readers).toBe(1);
    tellProgress(2);
    endJob();
    expect(idsAndTypes(await response.text())).toEqual([
      "1 job.queued",
      "2 frame.progress",
      "3 frame.progress",
      "4 job.succeeded",
    ]);
    await expect.poll(() => farm.readers).toBe(0);
  });

  it("streamEvents() goes on after Last-Event-ID, and says 204 when nothing is left", async () => {
    tellProgress(1);
    await fetch(`${server.url}/v1/jobs/${id}/cancel`, { method: "POST" });
    const rest = await follow({ headers: { "last-event-id": "2" } });
    expect(idsAndTypes(await rest.text())).toEqual(["3 job.canceled"]);
    expect((await follow({ headers: { "last-event-id": "3" } })).status).toBe(204);
    expect(idsAndTypes(await (await follow()).text())).toHaveLength(3);
  });

  it("streamEvents() goes on after an end that a retry has followed", async () => {
    farm.fail(id, 0);
    await farm.retry(id);
    const response = await follow();
    await expect.poll(() => farm.readers).toBe(1);
    tellProgress(1);
    endJob();
    expect(idsAndTypes(await response.text())).toEqual([
      "1 job.queued",
      "2 frame.failed",
      "3 job.failed",
      "4 job.retried",
      "5 frame.progress",
      "6 job.succeeded",
    ]);
  });

  it("streamEvents() writes comments while nothing happens", async () => {
    const response = await follow();
    const reader = response.body?.getReader();
    expect(await readUntil(reader!, ": alive\n\n: alive\n\n")).toContain("retry: 2000");
    await reader?.cancel();
  });

  it("streamEvents() lets go of the log when the reader goes", async () => {
    const leave = new AbortController();
    await follow({ signal: leave.signal });
    await expect.poll(() => farm.readers).toBe(1);
    leave.abort();
    await expect.poll(() => farm.readers).toBe(0);
  });

  it("streamEvents() ends when the gateway drains", async () => {
    const response = await follow();
    context.drain();
    expect(idsAndTypes(await response.text()).length).toBeLessThanOrEqual(1);
  });

  it("streamEvents() does not run ahead of a reader that takes nothing", async () => {
    for (let i = 0; i < LARGE_PREVIEWS; i++) {
      farm.tell(id, { type: "frame.preview", data: { index: 0, attempt: 1, jpeg: LARGE_JPEG } });
    }
    endJob();
    const response = await follow();
    // Whole requests in between give a stream without back-pressure all the turns it needs to run to its end.
    for (let i = 0; i < 20; i++) await fetch(`${server.url}/healthz`);
    expect(farm.eventsRead).toBeLessThan(LARGE_PREVIEWS / 2);
    expect(idsAndTypes(await response.text())).toHaveLength(LARGE_PREVIEWS + 2);
  });
});

describe("startServer()", () => {
  it("close() ends streams under way and then refuses connections", async () => {
    const response = await follow();
    context.drain();
    await Promise.all([server.close(), response.text()]);
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
    server = await startServer(createApp(context), address);
  });

  it("startServer() says that a port is taken", async () => {
    const port = Number(new URL(server.url).port);
    const second = startServer(createApp(context), { host: address.host, port });
    await expect(second).rejects.toMatchObject({ code: "config_invalid" });
  });
});
