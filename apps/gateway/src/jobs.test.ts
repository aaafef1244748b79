import { FarmError, type FrameResult, isJobId, type JobId } from "@latentfarm/contract";
import { frameKey } from "@latentfarm/storage";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

const HOOK = "https://hooks.example.org/farm";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await createTestGateway();
});
afterEach(() => gateway[Symbol.asyncDispose]());

async function submit(body: object = {}): Promise<JobId> {
  const response = await request(gateway.app)
    .post("/v1/jobs")
    .send({ prompt: "a sun", ...body });
  expect(response.status).toBe(202);
  if (!isJobId(response.body.id)) throw new TypeError("no job id in the answer");
  return response.body.id;
}

function resultOf(id: JobId, index = 0): FrameResult {
  const timings = {
    queue_ms: 1,
    text_ms: 1,
    steps_ms: 1,
    vae_ms: 1,
    encode_ms: 1,
    upload_ms: 1,
    total_ms: 6,
  };
  const picture = { width: 64, height: 64, format: "png", bytes: 3, sha256: "ab".repeat(32) } as const;
  const made = { worker: "w1", plan: "cpu", attempt: 1, timings } as const;
  return { index, seed: "42", key: frameKey(id, index, "png"), ...picture, ...made };
}

describe("POST /v1/jobs", () => {
  it("submitJob() turns start_within into a time, and a webhook into an endpoint's", async () => {
    const id = await submit({ start_within: 90, webhook: { url: HOOK } });
    const [endpoint] = await gateway.farm.webhooks.listEndpoints("default");
    expect(gateway.farm.submitted[0]).toMatchObject({
      start_before: "2026-01-01T00:01:30.000Z",
      webhook: {
        endpoint: endpoint?.id,
        url: HOOK,
        events: ["job.succeeded", "job.failed", "job.canceled", "job.expired"],
      },
    });
    const { body } = await request(gateway.app).get(`/v1/jobs/${id}`);
    expect(body.start_before).toBe("2026-01-01T00:01:30.000Z");
    expect(body.webhook).toEqual({ url: HOOK, events: gateway.farm.submitted[0]?.webhook?.events });
  });

  it("submitJob() keeps the events that a webhook names, and one endpoint for one address", async () => {
    await submit({ webhook: { url: HOOK, events: ["job.queued", "frame.succeeded"] } });
    await submit({ webhook: { url: HOOK } });
    expect(gateway.farm.submitted[0]?.webhook?.events).toEqual(["job.queued", "frame.succeeded"]);
    expect(await gateway.farm.webhooks.listEndpoints("default")).toHaveLength(1);
  });

  it.each([
    "http://hooks.example.org/",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://2130706433/",
    "https://[::ffff:10.0.0.1]/",
    "https://user:pw@hooks.example.org/",
    "https://hooks.example.org:6379/",
    "https://metadata.google.internal/",
    "ftp://hooks.example.org/",
  ])("submitJob() refuses the webhook %s by name, beside all else that is wrong", async (url) => {
    const response = await request(gateway.app).post("/v1/jobs").send({ prompt: "a", webhook: { url } });
    expect(response.status).toBe(422);
    expect(response.body.errors.map(({ path }: { path: string }) => path)).toEqual(["webhook.url"]);
    const both = await request(gateway.app)
      .post("/v1/jobs")
      .send({ prompt: "a", steps: 0, sampler: "ddim", webhook: { url } });
    expect(both.body.errors.map(({ path }: { path: string }) => path)).toEqual([
      "steps",
      "sampler",
      "webhook.url",
    ]);
    expect(await gateway.farm.webhooks.listEndpoints("default")).toEqual([]);
  });

  it("submitJob() answers 429 with the quota's name and when to come back", async () => {
    const details = { limit: "queued_cost_max", retry_after_seconds: 11.2 };
    gateway.farm.refusal = new FarmError("quota_exceeded", "Cannot take the job", { details });
    const response = await request(gateway.app).post("/v1/jobs").send({ prompt: "a" });
    expect([response.status, response.headers["retry-after"]]).toEqual([429, "12"]);
    expect(response.body).toMatchObject({
      code: "quota_exceeded",
      errors: [{ path: "limits.queued_cost_max", message: "is reached" }],
    });
  });

  it("submitJob() asks for the models once for many jobs, and again for one that it does not know", async () => {
    for (let i = 0; i < 5; i++) await submit();
    expect(gateway.farm.modelsAsked).toBe(1);
    const [first] = gateway.farm.served;
    if (first !== undefined) gateway.farm.served.push({ ...first, name: "fresh" });
    await submit({ model: "fresh" });
    expect(gateway.farm.modelsAsked).toBe(2);
  });
});

describe("POST /v1/jobs?dry_run=true", () => {
  const dryRun = (body: object = {}) =>
    request(gateway.app)
      .post("/v1/jobs?dry_run=true")
      .send({ prompt: "a sun", ...body });

  it("submitJob() tells cost and time and queues nothing", async () => {
    gateway.farm.outlook = {
      reason: null,
      position: 4,
      eta: { seconds: 9, low_seconds: 5, high_seconds: 20 },
    };
    const response = await dryRun({ num_images: 3, metadata: { a: "b" }, webhook: { url: HOOK } });
    expect(response.status).toBe(200);
    expect(response.body).toMatchObject({
      dry_run: true,
      model: "postcards",
      params: { steps: 20, width: 64, seed: "42" },
      frames: 3,
      runnable: true,
      reason: null,
      position: 4,
      eta_seconds: 9,
      eta_low_seconds: 5,
      eta_high_seconds: 20,
    });
    expect(response.body.cost).toBeCloseTo((64 * 64 * 20 * 3) / 1e6, 12);
    expect(response.body.params).not.toHaveProperty("metadata");
    expect(response.headers).not.toHaveProperty("location");
    expect(gateway.farm.submitted).toEqual([]);
    expect(await gateway.farm.webhooks.listEndpoints("default")).toEqual([]);
  });

  it("submitJob() says why a job could not run, and nulls for what is not known", async () => {
    gateway.farm.outlook = { reason: "No live worker serves the model", position: 0, eta: null };
    expect((await dryRun()).body).toMatchObject({
      runnable: false,
      reason: "No live worker serves the model",
      eta_seconds: null,
      eta_low_seconds: null,
      eta_high_seconds: null,
    });
  });

  it("submitJob() refuses what a submit would refuse, and takes no Idempotency-Key for it", async () => {
    expect((await dryRun({ steps: 0 })).status).toBe(422);
    expect((await dryRun().set("Idempotency-Key", "k")).status).toBe(200);
    const real = await request(gateway.app)
      .post("/v1/jobs?dry_run=false")
      .set("Idempotency-Key", "k")
      .send({ prompt: "another" });
    expect(real.status).toBe(202);
  });
});

describe("GET /v1/jobs", () => {
  const list = async (query: string) => {
    const { body } = await request(gateway.app).get(`/v1/jobs${query}`);
    return { ids: body.jobs.map(({ id }: { id: string }) => id), next: body.next_cursor, jobs: body.jobs };
  };

  it("listJobs() gives the newest first, page by page, without their frames", async () => {
    expect(await list("")).toMatchObject({ ids: [], next: null });
    const ids = [await submit(), await submit(), await submit()].reverse();
    const first = await list("?limit=2");
    expect(first.ids).toEqual(ids.slice(0, 2));
    expect(first.jobs[0]).not.toHaveProperty("frames");
    expect(first.jobs[0]).not.toHaveProperty("tenant");
    expect(first.jobs[0].urls.self).toBe(`/v1/jobs/${ids[0]}`);
    expect(await list(`?limit=2&cursor=${first.next}`)).toMatchObject({ ids: ids.slice(2), next: null });
  });

  it("listJobs() keeps to a status", async () => {
    const [queued, canceled] = [await submit(), await submit()];
    await request(gateway.app).post(`/v1/jobs/${canceled}/cancel`);
    expect((await list("?status=canceled")).ids).toEqual([canceled]);
    expect((await list("?status=queued")).ids).toEqual([queued]);
    expect((await list("?status=expired")).ids).toEqual([]);
  });
});

describe("calls that ask whose job it is", () => {
  it.each([
    ["get", "events"],
    ["get", "deliveries"],
    ["get", "frames/0"],
    ["post", "cancel"],
    ["post", "retry"],
  ] as const)("%s %s reads no whole job for it", async (method, path) => {
    const id = await submit();
    gateway.farm.fail(id, 0);
    const whole = vi.spyOn(gateway.farm, "getJob");
    const { status } = await request(gateway.app)[method](`/v1/jobs/${id}/${path}`);
    expect([200, 202, 409]).toContain(status);
    expect(whole).not.toHaveBeenCalled();
  });
});

describe("POST /v1/jobs/{id}/retry", () => {
  const retry = (id: string) => request(gateway.app).post(`/v1/jobs/${id}/retry`);

  it("retryJob() queues the failed frames again and goes on with the log", async () => {
    const id = await submit({ num_images: 2 });
    gateway.farm.succeed(id, resultOf(id, 0));
    gateway.farm.fail(id, 1);
    const response = await retry(id);
    expect([response.status, response.headers.location]).toEqual([202, `/v1/jobs/${id}`]);
    expect(response.body.frames.map(({ status }: { status: string }) => status)).toEqual([
      "succeeded",
      "queued",
    ]);
  });

  it("retryJob() answers a call that repeats one by its key as the first, and refuses a wrong key", async () => {
    const id = await submit();
    gateway.farm.fail(id, 0);
    const keyed = (key: string) => retry(id).set("Idempotency-Key", key);
    for (const key of ["k1", "k1"]) {
      const response = await keyed(key);
      expect([response.status, response.body.id, response.headers.location]).toEqual([
        202,
        id,
        `/v1/jobs/${id}`,
      ]);
    }
    expect((await keyed("k2")).body.code).toBe("nothing_to_retry");
    const wrong = await keyed("k".repeat(256));
    expect([wrong.status, wrong.body.errors[0].path]).toEqual([422, "headers.idempotency-key"]);
  });

  it("retryJob() answers 409 when there is nothing to retry", async () => {
    const id = await submit();
    for (let i = 0; i < 2; i++) {
      const response = await retry(id);
      expect([response.status, response.body.code]).toEqual([409, "nothing_to_retry"]);
      await request(gateway.app).post(`/v1/jobs/${id}/cancel`);
    }
  });

  it("retryJob() answers 409 for a job that only its sidecar tells of", async () => {
    const id = await submit();
    gateway.farm.fail(id, 0);
    await expect.poll(() => gateway.store.head(`jobs/${id}/job.json`)).toBeDefined();
    gateway.farm.forget(id);
    const response = await retry(id);
    expect([response.status, response.body.code]).toEqual([409, "nothing_to_retry"]);
  });
});
