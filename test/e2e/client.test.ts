import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createLatentfarmClient, type LatentfarmClient, verifyWebhook } from "@latentfarm/client";
import type { Endpoint, Job } from "@latentfarm/contract";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestFarm, type TestFarm } from "../harness/index.js";

const SUNRISE = { prompt: "a yellow sun over blue mountains under an orange sky", seed: 7, steps: 2 };
/** Longest wait for a webhook on a loaded machine. */
const WEBHOOK_TIMEOUT_MS = 20_000;

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let farm: TestFarm;
let client: LatentfarmClient;
let receiver: Server;
let hookUrl: string;
const received: Received[] = [];

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const address = receiver.address();
  hookUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/hook`;
  farm = await startTestFarm({ courier: true, env: { FARM_WEBHOOK_LOOPBACK: "1" } });
  client = createLatentfarmClient({ baseUrl: farm.url });
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  receiver.closeAllConnections();
  receiver.close();
});

/** The secret of the tests' one address. */
async function readSecret(): Promise<string> {
  const list = (await (await fetch(`${farm.url}/v1/webhooks`)).json()) as { endpoints: Endpoint[] };
  const response = await fetch(`${farm.url}/v1/webhooks/${list.endpoints[0]?.id}/secret`);
  return ((await response.json()) as { secret: string }).secret;
}

describe("the client and the farm", () => {
  it("runs a job from its submission to its picture", async () => {
    const estimate = await client.dryRun({ ...SUNRISE, num_images: 2 });
    expect(estimate).toMatchObject({ dry_run: true, frames: 2, runnable: true });
    const job = await client.submit({ ...SUNRISE, num_images: 2 });
    const types: string[] = [];
    const ids: number[] = [];
    for await (const event of client.events(job.id)) {
      types.push(event.type);
      ids.push(event.id);
    }
    expect(types[0]).toBe("job.queued");
    expect(types.at(-1)).toBe("job.succeeded");
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(await client.wait(job.id)).toMatchObject({ id: job.id, status: "succeeded" });
    const picture = await client.downloadFrame(job.id, 1);
    expect(picture.contentType).toBe("image/png");
    expect(picture.bytes.length).toBe((await client.get(job.id)).frames[1]?.bytes);
    expect((await client.list({ limit: 5 })).jobs.map(({ id }) => id)).toContain(job.id);
    expect((await client.stats()).counters.jobs_succeeded).toBeGreaterThanOrEqual(1);
  });

  it("gives the first job again for the same key, and the farm's code for what it refuses", async () => {
    const options = { idempotencyKey: "client-test" };
    const first = await client.submit(SUNRISE, options);
    expect((await client.submit(SUNRISE, options)).id).toBe(first.id);
    await expect(client.submit({ ...SUNRISE, seed: 8 }, options)).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
    await expect(client.submit({ ...SUNRISE, steps: 1_000 })).rejects.toMatchObject({
      code: "invalid_request",
      errors: [{ path: "steps", message: expect.stringContaining("limit steps_max") }],
    });
    await expect(client.get("none")).rejects.toMatchObject({ code: "not_found", status: 404 });
    await expect(client.retry(first.id)).rejects.toMatchObject({ code: "nothing_to_retry" });
    const ended = await client.submit(SUNRISE, { waitSeconds: 60 });
    expect(ended.status).toBe("succeeded");
    expect((await client.cancel(ended.id)).status).toBe("succeeded");
  });

  it("is told of a job by webhooks that verify here and with the published library", async () => {
    const events = ["job.queued", "job.started", "frame.succeeded", "job.succeeded"] as const;
    const job = await client.submit({ ...SUNRISE, webhook: { url: hookUrl, events: [...events] } });
    await client.wait(job.id);
    await expect
      .poll(() => received.length, { timeout: WEBHOOK_TIMEOUT_MS })
      .toBeGreaterThanOrEqual(events.length);
    const secret = await readSecret();
    const payloads = await Promise.all(
      received.map(({ headers, body }) => verifyWebhook<Job>({ headers, body, secrets: [secret] })),
    );
    const inOrder = [...payloads].sort((a, b) => a.sequence - b.sequence).map(({ type }) => type);
    expect([...new Set(inOrder)]).toEqual(events);
    for (const { data } of payloads) expect(data.id).toBe(job.id);
    for (const { headers, body } of received) {
      expect(new Webhook(secret).verify(body, headers as Record<string, string>)).toEqual(JSON.parse(body));
      expect(() => new Webhook(secret).verify(`${body} `, headers as Record<string, string>)).toThrow();
    }
    await expect
      .poll(async () => (await client.deliveries(job.id)).deliveries.map(({ status }) => status), {
        timeout: WEBHOOK_TIMEOUT_MS,
      })
      .toEqual(events.map(() => "delivered"));
  });

  it("gets a delivery again with its id and body, signed by both secrets after a rotation", async () => {
    const [first] = received;
    const id = String(first?.headers["webhook-id"]);
    const older = await readSecret();
    const list = (await (await fetch(`${farm.url}/v1/webhooks`)).json()) as { endpoints: Endpoint[] };
    await fetch(`${farm.url}/v1/webhooks/${list.endpoints[0]?.id}/rotate`, { method: "POST" });
    const newer = await readSecret();
    expect(newer).not.toBe(older);
    const before = received.length;
    expect((await client.redeliver(id)).id).toBe(id);
    await expect.poll(() => received.length, { timeout: WEBHOOK_TIMEOUT_MS }).toBe(before + 1);
    const again = received[before];
    expect(again?.headers["webhook-id"]).toBe(id);
    expect(again?.body).toBe(first?.body);
    for (const secret of [older, newer]) {
      const headers = again?.headers ?? {};
      await expect(
        verifyWebhook({ headers, body: again?.body ?? "", secrets: [secret] }),
      ).resolves.toBeDefined();
    }
  });

  it("is refused addresses of this machine's network at submit", async () => {
    for (const url of [
      "http://169.254.169.254/latest/meta-data/",
      "http://10.0.0.1/",
      "ftp://example.com/",
    ]) {
      await expect(client.submit({ ...SUNRISE, webhook: { url } })).rejects.toMatchObject({
        code: "invalid_request",
        errors: [{ path: "webhook.url" }],
      });
    }
  });
});
