import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { verifyWebhook } from "@latentfarm/client";
import {
  type Delivery,
  deliveryListSchema,
  endpointListSchema,
  endpointSecretSchema,
  type Job,
} from "@latentfarm/contract";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  fetchFrame,
  getJob,
  post,
  startProcess,
  startTestFarm,
  submit,
  type TestFarm,
} from "../harness/index.js";
import { startWebhookReceiver } from "./webhook-receiver.js";

const LOOPBACK = { FARM_WEBHOOK_LOOPBACK: "1", FARM_WEBHOOK_RETRY_SECONDS: "0,1,1" };
const WAIT_MS = 60_000;

// A courier's loss is seen after up to 15 s, and two cores that are busy elsewhere start a farm in as many.
vi.setConfig({ testTimeout: 90_000 });

let farm: TestFarm;
beforeAll(async () => {
  farm = await startTestFarm({ courier: true, env: LOOPBACK });
});
afterAll(() => farm[Symbol.asyncDispose]());

/** Submits a small job whose end is told to `url`. */
function submitTo(url: string): Promise<Job> {
  return submit(farm.url, { prompt: "a yellow sun", seed: 7, steps: 2, webhook: { url } });
}

async function readDeliveries(id: string): Promise<Delivery[]> {
  const response = await fetch(`${farm.url}/v1/jobs/${id}/deliveries`);
  return deliveryListSchema.parse(await response.json()).deliveries;
}

/** The job's one delivery, once it has the status. */
async function deliveryOf(job: Job, status: Delivery["status"]): Promise<Delivery> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const deliveries = await readDeliveries(job.id);
    const found = deliveries.find((delivery) => delivery.status === status);
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`not ${status}: ${JSON.stringify(deliveries)}`);
    await delay(50);
  }
}

async function secretOf(url: string): Promise<string> {
  const list = await (await fetch(`${farm.url}/v1/webhooks`)).json();
  const endpoint = endpointListSchema.parse(list).endpoints.find((entry) => entry.url === url);
  const response = await fetch(`${farm.url}/v1/webhooks/${endpoint?.id}/secret`);
  return endpointSecretSchema.pick({ secret: true }).parse(await response.json()).secret;
}

describe("a job with a webhook", () => {
  it("is told to its receiver, signed as standardwebhooks and the farm's own client verify it", async () => {
    await using receiver = await startWebhookReceiver();
    const job = await submitTo(`${receiver.url}?order=9`);
    const [request] = await receiver.received(1);
    if (request === undefined) throw new Error("nothing came");
    expect(request.path).toBe("/hook?order=9");
    const secret = await secretOf(receiver.url);
    new Webhook(secret).verify(request.body, { ...request.headers });
    const payload = await verifyWebhook({ ...request, secrets: [secret] });
    expect(payload).toMatchObject({ type: "job.succeeded", data: { id: job.id, status: "succeeded" } });
    const delivery = await deliveryOf(job, "delivered");
    expect(delivery).toMatchObject({ id: request.headers["webhook-id"], attempts_made: 1 });
    expect((await fetchFrame(farm.url, payload.data)).length).toBe(payload.data.frames[0]?.bytes);
  });

  it("is told again until its receiver takes it, then as a dead letter on demand", async () => {
    await using receiver = await startWebhookReceiver();
    receiver.answer = () => 500;
    const job = await submitTo(receiver.url);
    const dead = await deliveryOf(job, "dead");
    expect(dead.attempts.map(({ status }) => status)).toEqual([500, 500, 500, 500]);
    receiver.answer = () => (receiver.requests.length === 5 ? undefined : 200);
    const response = await post(`${farm.url}/v1/deliveries/${dead.id}/redeliver`, {});
    expect(response.status).toBeLessThan(300);
    expect(await deliveryOf(job, "delivered")).toMatchObject({ id: dead.id, attempts_made: 6 });
    expect(new Set(receiver.requests.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.requests.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  it.each([
    ["before it was answered", undefined],
    ["with the answer on its way", 200],
  ])("is told by the next courier when one is killed %s", async (_, status) => {
    await using receiver = await startWebhookReceiver();
    await using other = await startTestFarm({ env: LOOPBACK });
    const first = await other.startCourier();
    receiver.answer = () => {
      first.child.kill("SIGKILL");
      return status;
    };
    const body = { prompt: "a yellow sun", seed: 7, steps: 2, webhook: { url: receiver.url } };
    const job = await submit(other.url, body);
    await receiver.received(1);
    await first.exited;
    receiver.answer = () => 200;
    await other.startCourier();
    const requests = await receiver.received(2);
    expect(new Set(requests.map((request) => request.body)).size).toBe(1);
    expect(new Set(requests.map((request) => request.headers["webhook-id"])).size).toBe(1);
    expect(await getJob(other.url, job.id)).toMatchObject({ status: "succeeded" });
  });
});

describe("a receiver on the farm's own machine", () => {
  const strict = { FARM_WEBHOOK_LOOPBACK: "0" };

  it("is refused by a gateway that was not told to allow it", async () => {
    const gateway = await startProcess(
      {
        module: "apps/gateway/dist/main.js",
        env: { FARM_REDIS_URL: farm.redis.url, FARM_DATA: farm.dataDir, FARM_PORT: "0", ...strict },
        logFile: path.join(farm.dataDir, "logs", "strict-gateway.log"),
      },
      (message) => String(message.url),
    );
    const webhook = { url: "http://127.0.0.1:9/hook" };
    const response = await post(`${gateway.ready}/v1/jobs`, { prompt: "a sun", webhook });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ path: "webhook.url" }] });
    await gateway.stop();
  });

  it("is not called by a courier that was not told to allow it", async () => {
    await using receiver = await startWebhookReceiver();
    await using other = await startTestFarm({ env: LOOPBACK });
    await other.startCourier(strict);
    const body = { prompt: "a yellow sun", seed: 7, steps: 2, webhook: { url: receiver.url } };
    const job = await submit(other.url, body);
    const deadline = performance.now() + WAIT_MS;
    let deliveries: Delivery[] = [];
    while (deliveries[0]?.attempts_made === undefined || deliveries[0].attempts_made === 0) {
      if (performance.now() > deadline) throw new Error("no attempt was made");
      await delay(50);
      const response = await fetch(`${other.url}/v1/jobs/${job.id}/deliveries`);
      ({ deliveries } = deliveryListSchema.parse(await response.json()));
    }
    expect(deliveries[0].attempts[0]).toMatchObject({ status: null, error: { code: "address_refused" } });
    expect(receiver.requests).toEqual([]);
  });
});
