import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, FarmError, type FrameResult, isJobId, type JobId, LIMITS } from "@latentfarm/contract";
import { createDiskStore, frameKey, jobKey, type ObjectStore } from "@latentfarm/storage";
import { STRICT_POLICY } from "@latentfarm/webhooks";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "./app.js";
import { createContext, type GatewayContext } from "./context.js";
import { MODELS_CACHE_MS } from "./limits.js";
import { createFakeFarm, FAKE_MODEL, type FakeFarm } from "./testing/fake-farm.js";

const PNG = Buffer.from("not really a PNG, but bytes");
const SHA256 = "ab".repeat(32);
const NOW_MS = Date.UTC(2026, 0, 1);
const TIMINGS = { queue_ms: 1, text_ms: 1, steps_ms: 1, vae_ms: 1, encode_ms: 1, upload_ms: 1, total_ms: 6 };
const UNKNOWN_JOB = createJobId({ nowMs: 0, random: new Uint8Array(10) });

let root = "";
let nowMs = NOW_MS;
let farm: FakeFarm;
let store: ObjectStore;
let context: GatewayContext;
let app: ReturnType<typeof createApp>;
let logged: string[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-gateway-"));
  farm = createFakeFarm();
  nowMs = NOW_MS;
  store = createDiskStore(root);
  logged = [];
  const log = (fields: object, message: string): void =>
    void logged.push(`${message} ${JSON.stringify(fields)}`);
  context = await createContext(
    {
      host: "127.0.0.1",
      port: 0,
      lameDuckMs: 0,
      store: { kind: "disk", root },
      webhookPolicy: STRICT_POLICY,
      logLevel: "silent",
      isTraced: false,
    },
    { redisUrl: "redis://unused" },
    {
      farm,
      store,
      log: { info: log, warn: log, error: log },
      nowMs: () => nowMs,
      drawSeed: () => "42",
      queueMsMax: 40,
    },
  );
  app = createApp(context);
});
afterEach(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));

async function submit(body: object = {}): Promise<JobId> {
  const response = await request(app)
    .post("/v1/jobs")
    .send({ prompt: "a sun", ...body });
  expect(response.status).toBe(202);
  if (!isJobId(response.body.id)) throw new TypeError("no job id in the answer");
  return response.body.id;
}

function resultOf(id: JobId, index = 0): FrameResult {
  const key = frameKey(id, index, "png");
  const picture = { width: 64, height: 64, format: "png", bytes: PNG.length, sha256: SHA256 } as const;
  return { index, seed: "42", key, ...picture, worker: "w1", plan: "cpu", attempt: 1, timings: TIMINGS };
}

describe("POST /v1/jobs", () => {
  it("submitJob() answers 202 with the job and its place", async () => {
    const response = await request(app)
      .post("/v1/jobs")
      .send({ prompt: "a sun", num_images: 2, metadata: { order: "7" } });
    expect(response.status).toBe(202);
    expect(response.headers.location).toBe(`/v1/jobs/${response.body.id}`);
    expect(response.body).toMatchObject({
      status: "queued",
      created_at: "2026-01-01T00:00:00.000Z",
      model: "postcards",
      params: { prompt: "a sun", negative_prompt: "", steps: 20, seed: "42", num_images: 2 },
      metadata: { order: "7" },
      progress: { step: 0, steps: 40, frames_done: 0, frames: 2 },
    });
    expect(response.body.params).not.toHaveProperty("metadata");
    expect(response.body.frames.map((frame: { seed: string }) => frame.seed)).toEqual(["42", "43"]);
    expect(response.body.urls.events).toBe(`/v1/jobs/${response.body.id}/events`);
    expect(farm.submitted).toHaveLength(1);
  });

  it("submitJob() keeps the job's priority, normal when it names none", async () => {
    const priorityOf = async (id: JobId) => (await request(app).get(`/v1/jobs/${id}`)).body.params.priority;
    expect(await priorityOf(await submit())).toBe("normal");
    expect(await priorityOf(await submit({ priority: "high" }))).toBe("high");
    expect(farm.submitted.map(({ params }) => params.priority)).toEqual(["normal", "high"]);
  });

  it("submitJob() keeps a seed of 2^64-1 exactly", async () => {
    const id = await submit({ seed: "18446744073709551615" });
    expect((await request(app).get(`/v1/jobs/${id}`)).body.params.seed).toBe("18446744073709551615");
    const wrapped = await request(app)
      .post("/v1/jobs")
      .send({ prompt: "a", seed: "18446744073709551615", num_images: 2 });
    expect(wrapped.status).toBe(422);
    expect(wrapped.body.errors[0].path).toBe("seed");
  });

  it("submitJob() takes the largest prompt and the limits of the model themselves", async () => {
    await submit({
      prompt: "a".repeat(LIMITS.prompt_bytes_max),
      width: 192,
      height: 192,
      steps: LIMITS.steps_max,
    });
  });

  it("submitJob() gives the first job for the same key and body, and 409 for another body", async () => {
    const send = (prompt: string) =>
      request(app).post("/v1/jobs").set("Idempotency-Key", "k 1").send({ prompt });
    const first = await send("a");
    const again = await send("a");
    const other = await send("b");
    expect(again.body.id).toBe(first.body.id);
    expect(other.status).toBe(409);
    expect(other.body.code).toBe("idempotency_conflict");
    expect(farm.submitted).toHaveLength(1);
  });

  it("submitJob() knows a body by what it says, and a key before what is served by now", async () => {
    const send = (text: string) =>
      request(app)
        .post("/v1/jobs")
        .set("Idempotency-Key", "k")
        .set("Content-Type", "application/json")
        .send(text);
    const first = await send('{"prompt":"a","seed":7,"metadata":{"a":"1","b":"2"}}');
    farm.served = [];
    const again = await send('{"metadata":{"b":"2","a":"1"},"seed":"7","prompt":"a"}');
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect((await send('{"prompt":"b"}')).body.code).toBe("idempotency_conflict");
    expect(farm.submitted).toHaveLength(1);
  });

  it("submitJob() asks which model when several are served, and 503 when none is", async () => {
    farm.served = [
      { ...FAKE_MODEL, workers: 1 },
      { ...FAKE_MODEL, name: "large", workers: 2 },
      { ...FAKE_MODEL, name: "yesterday", workers: 0 },
    ];
    const open = await request(app).post("/v1/jobs").send({ prompt: "a" });
    expect(open.body.errors).toEqual([
      { path: "model", message: "is required as several models are served: one of postcards, large" },
    ]);
    await submit({ model: "large" });
    await submit({ model: "yesterday" });
    farm.served = [];
    expect((await request(app).post("/v1/jobs").send({ prompt: "a", model: "large" })).status).toBe(202);
    nowMs += MODELS_CACHE_MS;
    const none = await request(app).post("/v1/jobs").send({ prompt: "a" });
    expect(none.status).toBe(503);
    expect(none.body.code).toBe("model_unavailable");
    expect(none.headers["retry-after"]).toBe("2");
  });

  it("submitJob() with a wait answers 200 once the job has ended", async () => {
    const answered = request(app).post("/v1/jobs").set("Prefer", "wait=60").send({ prompt: "a" }).then();
    await expect.poll(() => farm.submitted[0]?.id).toBeDefined();
    const id = farm.submitted[0]?.id ?? UNKNOWN_JOB;
    farm.succeed(id, resultOf(id));
    const response = await answered;
    expect(response.status).toBe(200);
    expect(response.headers["preference-applied"]).toBe("wait=60");
    expect(response.body.frames[0].url).toBe(`/v1/jobs/${id}/frames/0`);
  });

  it("submitJob() with a wait answers 202 when the gateway drains first", async () => {
    const answered = request(app).post("/v1/jobs").set("Prefer", 'wait="60"').send({ prompt: "a" }).then();
    await expect.poll(() => farm.readers).toBe(1);
    context.drain();
    const response = await answered;
    expect(response.status).toBe(202);
    expect(response.body.status).toBe("queued");
  });

  it("submitJob() logs no prompt", async () => {
    await submit({ prompt: "my secret prompt" });
    expect(logged.join()).toContain("request closed");
    expect(logged.join()).not.toContain("secret");
  });
});

describe("jobs", () => {
  it("readJob() finds a job that the queue has forgotten in its sidecar", async () => {
    const id = await submit();
    const record = await farm.getJob(id);
    await store.put(jobKey(id), Buffer.from(JSON.stringify(record)), {
      contentType: "application/json",
      metadata: {},
    });
    farm.forget(id);
    expect((await request(app).get(`/v1/jobs/${id}`)).body.id).toBe(id);
  });

  it("readJob() lists the first 1,000 frames, listFrames() the rest, from a sidecar too", async () => {
    const submitted = await request(app).post("/v1/jobs").send({ prompt: "a", num_images: 1_002 });
    const { id, frames, frames_next_cursor: cursor, urls } = submitted.body;
    expect([frames.length, cursor, urls.frames]).toEqual([1_000, "1000", `/v1/jobs/${id}/frames`]);
    const pages = async () => {
      const job = (await request(app).get(`/v1/jobs/${id}`)).body;
      const rest = (await request(app).get(`${urls.frames}?cursor=${job.frames_next_cursor}&limit=1`)).body;
      const none = (await request(app).get(`${urls.frames}?status=failed`)).body;
      return [job.frames.length, rest.frames[0].index, rest.next_cursor, none];
    };
    const expected = [1_000, 1_000, "1001", { frames: [], next_cursor: null }];
    expect(await pages()).toEqual(expected);
    const record = await farm.getJob(id);
    const info = { contentType: "application/json", metadata: {} };
    await store.put(jobKey(id), Buffer.from(JSON.stringify(record)), info);
    farm.forget(id);
    expect(await pages()).toEqual(expected);
    const last = (await request(app).get(`${urls.frames}?cursor=1001`)).body;
    expect([last.frames.length, last.next_cursor]).toEqual([1, null]);
  });

  it("cancelJob() keeps the history of a job that no worker had, whose log may go", async () => {
    const id = await submit();
    await request(app).post(`/v1/jobs/${id}/cancel`);
    await expect.poll(() => store.head(jobKey(id))).toBeDefined();
    farm.forget(id);
    expect((await request(app).get(`/v1/jobs/${id}`)).body).toMatchObject({ id, status: "canceled" });
    expect((await request(app).get(`/v1/jobs/${id}/events`)).status).toBe(204);
  });

  it("cancelJob() answers all the same when the store is away", async () => {
    const id = await submit();
    store.put = () => Promise.reject(new FarmError("store_unavailable", "Cannot write"));
    expect((await request(app).post(`/v1/jobs/${id}/cancel`)).body.status).toBe("canceled");
  });

  it("readJob() takes a damaged sidecar for none and tells the operator", async () => {
    const [id, info] = [await submit(), { contentType: "application/json", metadata: {} }];
    farm.forget(id);
    for (const text of ["{", '{"id":"other"}']) {
      await store.put(jobKey(id), Buffer.from(text), info);
      expect((await request(app).get(`/v1/jobs/${id}`)).status).toBe(404);
      expect(logged.pop()).toContain("request");
      expect(logged.pop()).toContain("sidecar not readable");
    }
  });

  it("cancelJob() cancels once and stays so", async () => {
    const id = await submit();
    for (const body of [undefined, {}]) {
      const response = await request(app).post(`/v1/jobs/${id}/cancel`).send(body);
      expect(response.status).toBe(200);
      expect(response.body.status).toBe("canceled");
    }
  });
});

describe("GET /v1/jobs/{id}/frames/{index}", () => {
  it("readFrame() sends the picture with its type and hash, and 304 to one who has it", async () => {
    const id = await submit();
    await store.put(frameKey(id, 0, "png"), PNG, { contentType: "image/png", metadata: {} });
    farm.succeed(id, resultOf(id));
    const path = `/v1/jobs/${id}/frames/0`;
    const response = await request(app).get(path);
    expect(response.status).toBe(200);
    expect(response.type).toBe("image/png");
    expect(response.headers.etag).toBe(`"${SHA256}"`);
    expect(response.headers["x-content-type-options"]).toBe("nosniff");
    expect(Buffer.compare(response.body, PNG)).toBe(0);
    expect((await request(app).get(path).set("If-None-Match", `"${SHA256}"`)).status).toBe(304);
    const head = await request(app).head(path);
    expect(head.headers["content-length"]).toBe(String(PNG.length));
  });

  it("readFrame() answers 409 before the picture is there", async () => {
    const id = await submit();
    const response = await request(app).get(`/v1/jobs/${id}/frames/0`);
    expect(response.status).toBe(409);
    expect(response.body).toMatchObject({ code: "frame_not_ready", errors: [{ path: "index" }] });
  });

  it.each(["1", "-1", "00", "0x0", "1e0", "99999999", "length", "%2e%2e"])(
    "readFrame() answers 404 for frame %s of one",
    async (index) => {
      const id = await submit();
      const response = await request(app).get(`/v1/jobs/${id}/frames/${index}`);
      expect(response.status).toBe(404);
    },
  );

  it("readFrame() answers 404 for a picture that is no longer stored", async () => {
    const id = await submit();
    farm.succeed(id, resultOf(id));
    const response = await request(app).get(`/v1/jobs/${id}/frames/0`);
    expect(response.body.errors).toEqual([
      { path: "index", message: "names a picture that is no longer stored" },
    ]);
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.headers.etag).toBeUndefined();
  });
});

describe("operations", () => {
  it("createApp() lists models and describes itself", async () => {
    expect((await request(app).get("/v1/models")).body).toEqual({ models: [{ ...FAKE_MODEL, workers: 1 }] });
    const document = (await request(app).get("/openapi.json")).body;
    expect(document.openapi).toBe("3.1.1");
    expect(Object.keys(document.paths)).toContain("/v1/jobs/{id}/frames/{index}");
  });

  it("createApp() lists the workers that are alive", async () => {
    expect((await request(app).get("/v1/workers")).body).toEqual({ workers: [] });
    const at = "2026-01-01T00:00:00.000Z";
    const HEALTHY = { rate: null, health: "well" as const, health_reason: null };
    const worker = { id: "w1", host: "here", pid: 1, engine_pid: 2, model: FAKE_MODEL, plan: "cpu" as const };
    farm.alive = [
      { ...worker, concurrency: 16, frames_in_flight: 0, ...HEALTHY, started_at: at, seen_at: at },
    ];
    expect((await request(app).get("/v1/workers")).body).toEqual({ workers: farm.alive });
  });

  it("createApp() is healthy while the queue is away, and ready only when it answers", async () => {
    expect((await request(app).get("/readyz")).status).toBe(200);
    farm.mood = "away";
    expect((await request(app).get("/healthz")).status).toBe(200);
    expect((await request(app).get("/readyz")).status).toBe(503);
    farm.mood = "well";
    context.drain();
    expect((await request(app).get("/readyz")).status).toBe(503);
  });

  it("a gateway that leaves is not ready, serves on, and closes each connection behind its answer", async () => {
    context.leave();
    expect((await request(app).get("/readyz")).status).toBe(503);
    expect((await request(app).get("/healthz")).headers.connection).toBe("close");
    expect(context.draining.aborted).toBe(false);
    await submit();
  });

  it.each(["away", "silent"] as const)("createApp() answers 503 while the queue is %s", async (mood) => {
    const id = await submit();
    farm.mood = mood;
    const answers = await Promise.all([
      request(app).post("/v1/jobs").send({ prompt: "a" }),
      request(app).get(`/v1/jobs/${id}`),
      request(app).post(`/v1/jobs/${id}/cancel`),
      request(app).get(`/v1/jobs/${id}/events`),
      request(app).get(`/v1/jobs/${id}/frames/0`),
      request(app).get("/v1/models"),
    ]);
    for (const answer of answers) {
      expect(answer.status).toBe(503);
      expect(answer.headers["retry-after"]).toBe("2");
      expect(answer.body).toEqual({
        type: "about:blank",
        title: "Queue unavailable",
        status: 503,
        code: "queue_unavailable",
        request_id: answer.headers["x-request-id"],
      });
    }
  });

  it("createApp() tells nothing of a failure of its own but logs it", async () => {
    farm.models = () => Promise.reject(new TypeError("secret inside"));
    const response = await request(app).get("/v1/models");
    expect(response.status).toBe(500);
    expect(response.text).not.toContain("secret");
    expect(logged.join()).toContain("request failed");
  });

  it("createApp() names each request and takes a caller's plain name", async () => {
    const given = await request(app).get("/healthz").set("X-Request-Id", "abc-1");
    expect(given.headers["x-request-id"]).toBe("abc-1");
    const odd = await request(app).get("/healthz").set("X-Request-Id", "a b{}");
    expect(odd.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(odd.headers).not.toHaveProperty("x-powered-by");
  });
});
