import { isJobId, type JobId, type Scope } from "@latentfarm/contract";
import { frameKey, writeSidecar } from "@latentfarm/storage";
import request, { type Test } from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deliveryOf } from "./testing/fake-webhooks.js";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

type Agent = ReturnType<typeof request>;
/** What of another tenant's is asked for. */
interface Foreign {
  readonly job: string;
  readonly delivery: string;
  readonly endpoint: string;
}

/** Every call that names something of a tenant's. */
const CALLS: readonly (readonly [name: string, send: (agent: Agent, of: Foreign) => Test])[] = [
  ["a job", (agent, { job }) => agent.get(`/v1/jobs/${job}`)],
  ["its frames", (agent, { job }) => agent.get(`/v1/jobs/${job}/frames`)],
  ["a cancel", (agent, { job }) => agent.post(`/v1/jobs/${job}/cancel`)],
  ["events", (agent, { job }) => agent.get(`/v1/jobs/${job}/events`)],
  ["the head of events", (agent, { job }) => agent.head(`/v1/jobs/${job}/events`)],
  ["a picture", (agent, { job }) => agent.get(`/v1/jobs/${job}/frames/0`)],
  ["a retry", (agent, { job }) => agent.post(`/v1/jobs/${job}/retry`)],
  ["deliveries of a job", (agent, { job }) => agent.get(`/v1/jobs/${job}/deliveries`)],
  ["a redelivery", (agent, { delivery }) => agent.post(`/v1/deliveries/${delivery}/redeliver`)],
  ["a secret", (agent, { endpoint }) => agent.get(`/v1/webhooks/${endpoint}/secret`)],
  ["a rotation", (agent, { endpoint }) => agent.post(`/v1/webhooks/${endpoint}/rotate`)],
  ["a deletion of an endpoint", (agent, { endpoint }) => agent.delete(`/v1/webhooks/${endpoint}`)],
  ["an endpoint", (agent, { endpoint }) => agent.post(`/v1/webhooks/${endpoint}/enable`)],
];

let gateway: TestGateway;
let keys: { acme: string; rival: string };
let foreign: Foreign & { readonly job: JobId };
beforeEach(async () => {
  gateway = await createTestGateway();
  keys = { acme: await makeKey("acme"), rival: await makeKey("rival") };
  const response = await as(keys.acme, (agent) =>
    agent.post("/v1/jobs").send({ prompt: "a", webhook: { url: "https://hooks.example.org" } }),
  );
  if (!isJobId(response.body.id)) throw new TypeError("no job id in the answer");
  const [endpoint] = await gateway.farm.webhooks.listEndpoints("acme");
  gateway.farm.webhooks.tellDelivery("acme", deliveryOf(response.body.id, "msg_1"));
  foreign = { job: response.body.id, delivery: "msg_1", endpoint: endpoint?.id ?? "" };
});
afterEach(() => gateway[Symbol.asyncDispose]());

async function makeKey(tenant: string): Promise<string> {
  const scopes: Scope[] = ["submit", "read", "admin"];
  const wish = { tenant, name: "", scopes, requests_per_minute: null };
  return (await gateway.farm.access.createKey(wish, "cli:test")).key;
}

const as = (key: string, send: (agent: Agent) => Test): Test =>
  send(request(gateway.app)).set("Authorization", `Bearer ${key}`);

describe("another tenant's", () => {
  it.each(CALLS)("%s is 404, as what does not exist", async (_name, send) => {
    const unknown = {
      job: foreign.job.replace(/.$/, (last) => (last === "0" ? "1" : "0")),
      delivery: "msg_2",
      endpoint: "ep_2",
    };
    const [other, none] = [
      await as(keys.rival, (agent) => send(agent, foreign)),
      await as(keys.rival, (agent) => send(agent, unknown)),
    ];
    expect([other.status, none.status]).toEqual([404, 404]);
    const { request_id: _id, ...told } = other.body;
    expect(none.body).toMatchObject(told);
    expect((await gateway.farm.getJob(foreign.job))?.status).toBe("queued");
    const [endpoint] = await gateway.farm.webhooks.listEndpoints("acme");
    expect(endpoint?.previous_secret_until).toBeNull();
  });

  it.each(CALLS.filter(([name]) => !/delivery|secret|rotation|endpoint/.test(name)))(
    "%s is 404 from a sidecar too",
    async (_name, send) => {
      const timings = {
        queue_ms: 1,
        text_ms: 1,
        steps_ms: 1,
        vae_ms: 1,
        encode_ms: 1,
        upload_ms: 1,
        total_ms: 6,
      };
      const key = frameKey(foreign.job, 0, "png");
      const shown = { width: 64, height: 64, format: "png", bytes: 1, sha256: "ab".repeat(32) } as const;
      const made = { index: 0, seed: "42", key, worker: "w", plan: "cpu", attempt: 1, timings } as const;
      gateway.farm.succeed(foreign.job, { ...shown, ...made });
      const record = await gateway.farm.getJob(foreign.job);
      if (record === undefined) throw new TypeError("the job is gone");
      await writeSidecar(gateway.store, record);
      gateway.farm.forget(foreign.job);
      expect((await as(keys.acme, (agent) => agent.get(`/v1/jobs/${foreign.job}`))).status).toBe(200);
      expect((await as(keys.rival, (agent) => send(agent, foreign))).status).toBe(404);
    },
  );

  it.each([
    ["/v1/jobs", "jobs"],
    ["/v1/deliveries", "deliveries"],
    ["/v1/webhooks", "endpoints"],
  ])("list %s holds nothing of it", async (path, field) => {
    const [own, other] = [
      await as(keys.acme, (agent) => agent.get(path)),
      await as(keys.rival, (agent) => agent.get(path)),
    ];
    expect(own.body[field]).toHaveLength(1);
    expect(other.body[field]).toEqual([]);
  });

  it("work is in none of its numbers", async () => {
    const { body } = await as(keys.rival, (agent) => agent.get("/v1/stats"));
    expect(body.tenant).toMatchObject({ name: "rival", concurrent_frames: 0, queued_cost: 0 });
  });

  it("endpoint of the same address has a secret of its own", async () => {
    const hook = { prompt: "a", webhook: { url: "https://hooks.example.org" } };
    await as(keys.rival, (agent) => agent.post("/v1/jobs").send(hook));
    const secretOf = async (key: string) => {
      const [{ id }] = (await as(key, (agent) => agent.get("/v1/webhooks"))).body.endpoints;
      return (await as(key, (agent) => agent.get(`/v1/webhooks/${id}/secret`))).body.secret;
    };
    expect(await secretOf(keys.acme)).not.toBe(await secretOf(keys.rival));
  });

  it("idempotency key is no conflict and gives no job of the other's", async () => {
    const send = (key: string, prompt: string) =>
      as(key, (agent) => agent.post("/v1/jobs").set("Idempotency-Key", "k").send({ prompt }));
    const [first, other] = [await send(keys.acme, "a"), await send(keys.rival, "b")];
    expect([first.status, other.status]).toEqual([202, 202]);
    expect((await send(keys.acme, "a")).body.id).toBe(first.body.id);
    expect(gateway.farm.submitted.map(({ tenant }) => tenant.name)).toEqual(["acme", "acme", "rival"]);
  });

  it("name stands in no answer", async () => {
    const response = await as(keys.acme, (agent) => agent.get(`/v1/jobs/${foreign.job}`));
    expect(response.body).not.toHaveProperty("tenant");
  });
});

describe("POST /v1/jobs of a tenant with limits", () => {
  it("submitJob() hands the tenant's weight and limits to the queue", async () => {
    const limits = { queued_cost_max: 10 };
    await gateway.farm.access.setTenant("acme", { weight: 3, limits }, "cli:test");
    await as(keys.acme, (agent) => agent.post("/v1/jobs").send({ prompt: "a" }));
    expect(gateway.farm.submitted.at(-1)?.tenant).toEqual({ name: "acme", weight: 3, limits });
  });
});
