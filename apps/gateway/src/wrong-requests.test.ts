import { FarmError } from "@latentfarm/contract";
import { createDiskStore } from "@latentfarm/storage";
import { STRICT_POLICY } from "@latentfarm/webhooks";
import request, { type Test } from "supertest";
import { beforeEach, describe, expect, it } from "vitest";
import { createApp } from "./app.js";
import { createContext } from "./context.js";
import { createFakeFarm, type FakeFarm } from "./testing/fake-farm.js";

const silentLog = { info: () => {}, warn: () => {}, error: () => {} };
const config = {
  host: "127.0.0.1",
  port: 0,
  lameDuckMs: 0,
  store: { kind: "disk", root: "/nonexistent" },
  webhookPolicy: STRICT_POLICY,
  logLevel: "silent",
  isTraced: false,
} as const;

let farm: FakeFarm;
let app: ReturnType<typeof createApp>;
beforeEach(async () => {
  farm = createFakeFarm();
  const overrides = { farm, store: createDiskStore("/nonexistent"), log: silentLog };
  app = createApp(await createContext(config, { redisUrl: "redis://unused" }, overrides));
});

/** Field, value: each is refused alone, beside a good prompt. */
const WRONG_FIELDS: readonly (readonly [field: string, value: unknown])[] = [
  ["prompt", undefined],
  ["prompt", null],
  ["prompt", 7],
  ["prompt", ["a"]],
  ["prompt", ""],
  ["prompt", " \t\n\u3000"],
  ["prompt", "a\u0000b"],
  ["prompt", "a".repeat(16_385)],
  ["prompt", "☀".repeat(5_462)],
  ["negative_prompt", 1],
  ["negative_prompt", "\u0000"],
  ["negative_prompt", "b".repeat(16_385)],
  ["model", "unknown"],
  ["model", ""],
  ["model", "../../etc/passwd"],
  ["model", "m".repeat(129)],
  ["model", {}],
  ["width", "64"],
  ["width", 0],
  ["width", -64],
  ["width", 65],
  ["width", 64.5],
  ["width", 208],
  ["width", 1e9],
  ["height", null],
  ["height", 72],
  ["height", 6160],
  ["steps", 0],
  ["steps", 151],
  ["steps", 1.5],
  ["steps", "20"],
  ["steps", true],
  ["guidance_scale", -0.1],
  ["guidance_scale", 100.5],
  ["guidance_scale", "7"],
  ["sampler", "ddim"],
  ["sampler", 3],
  ["scheduler", "karras"],
  ["scheduler", null],
  ["shift", 0],
  ["shift", 101],
  ["shift", "3"],
  ["seed", -1],
  ["seed", 1.5],
  ["seed", 2 ** 53],
  ["seed", "18446744073709551616"],
  ["seed", "0x10"],
  ["seed", ""],
  ["seed", true],
  ["num_images", 0],
  ["num_images", 10_001],
  ["num_images", "2"],
  ["output_format", "gif"],
  ["output_format", "PNG"],
  ["output_format", 1],
  ["output_quality", 0],
  ["output_quality", 101],
  ["metadata", "text"],
  ["metadata", ["a"]],
  ["metadata.note", { note: 1 }],
  ["metadata.a b", { "a b": "v" }],
  ["metadata.note", { note: "v".repeat(513) }],
  ["metadata", Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, "v"]))],
  ["webhook", "https://example.org"],
  ["webhook", null],
  ["webhook.url", {}],
  ["webhook.url", { url: 7 }],
  ["webhook.url", { url: "example.org" }],
  ["webhook.url", { url: `https://example.org/${"a".repeat(2_048)}` }],
  ["webhook.secret", { url: "https://example.org", secret: "s" }],
  ["webhook.events", { url: "https://example.org", events: "job.succeeded" }],
  ["webhook.events", { url: "https://example.org", events: [] }],
  ["webhook.events", { url: "https://example.org", events: ["job.failed", "job.failed"] }],
  ["webhook.events.0", { url: "https://example.org", events: ["frame.progress"] }],
  ["priority", "urgent"],
  ["start_within", 0],
  ["start_within", 1.5],
  ["start_within", 604_801],
  ["start_within", "5"],
  ["start_within", null],
  ["promt", "a"],
  ["Width", 64],
  ["constructor", 1],
];

type Send = (agent: ReturnType<typeof request>) => Test;
const post =
  (type: string, body: string): Send =>
  (agent) =>
    agent.post("/v1/jobs").set("Content-Type", type).send(body);
const postWith =
  (name: string, value: string): Send =>
  (agent) =>
    agent.post("/v1/jobs").set(name, value).send({ prompt: "a" });
const JSON_TYPE = "application/json";
const KNOWN_FORM = "job_0000000000ZZZZZZZZZZZZZZZZ";

/** Name, request, status, the part that the answer names. */
const WRONG_REQUESTS: readonly (readonly [name: string, send: Send, status: number, path: string])[] = [
  ["no body", (agent) => agent.post("/v1/jobs").set("Content-Type", JSON_TYPE), 400, "body"],
  ["no type and no body", (agent) => agent.post("/v1/jobs"), 415, "headers.content-type"],
  ["broken JSON", post(JSON_TYPE, '{"prompt":'), 400, "body"],
  ["two JSON values", post(JSON_TYPE, '{"prompt":"a"}{}'), 400, "body"],
  ["NaN", post(JSON_TYPE, '{"prompt":"a","shift":NaN}'), 400, "body"],
  ["an endless number", post(JSON_TYPE, '{"prompt":"a","shift":1e999}'), 422, "shift"],
  ["an array", post(JSON_TYPE, "[]"), 422, "body"],
  ["null", post(JSON_TYPE, "null"), 422, "body"],
  ["a string", post(JSON_TYPE, '"prompt"'), 422, "body"],
  ["a lone surrogate", post(JSON_TYPE, '{"prompt":"\\ud800"}'), 422, "prompt"],
  ["__proto__", post(JSON_TYPE, '{"prompt":"a","__proto__":{}}'), 422, "__proto__"],
  [
    "__proto__ in metadata",
    post(JSON_TYPE, '{"prompt":"a","metadata":{"__proto__":"b"}}'),
    422,
    "metadata.__proto__",
  ],
  ["deep nesting", post(JSON_TYPE, `${"[".repeat(9)}${"]".repeat(9)}`), 422, "body"],
  ["nesting to the cap of the body", post(JSON_TYPE, "[".repeat(65_000)), 422, "body"],
  ["an oversized body", post(JSON_TYPE, `{"prompt":"${"a".repeat(65_536)}"}`), 413, "body"],
  ["a key twice", post(JSON_TYPE, '{"prompt":"a","steps":2,"steps" : 3}'), 422, "steps"],
  ["a key twice, once escaped", post(JSON_TYPE, '{"prompt":"a","\\u0070rompt":"b"}'), 422, "prompt"],
  ["a key twice in metadata", post(JSON_TYPE, '{"prompt":"a","metadata":{"b":"{","b":""}}'), 422, "b"],
  ["a byte order mark", post(JSON_TYPE, '\uFEFF{"prompt":"a"}'), 400, "body"],
  ["two charsets", post(`${JSON_TYPE}; charset=utf-8; charset=utf-16`, "{}"), 415, "headers.content-type"],
  [
    "one charset twice",
    post(`${JSON_TYPE}; charset=utf-8; charset=utf-8`, "{}"),
    415,
    "headers.content-type",
  ],
  ["a form", post("application/x-www-form-urlencoded", "prompt=a"), 415, "headers.content-type"],
  ["text", post("text/plain", '{"prompt":"a"}'), 415, "headers.content-type"],
  ["another JSON type", post("application/vnd.api+json", '{"prompt":"a"}'), 415, "headers.content-type"],
  [
    "another charset",
    post("application/json; charset=utf-16", '{"prompt":"a"}'),
    415,
    "headers.content-type",
  ],
  ["compression", postWith("Content-Encoding", "gzip"), 415, "headers.content-encoding"],
  ["a wait of 0", postWith("Prefer", "wait=0"), 422, "headers.prefer"],
  ["a wait of 61", postWith("Prefer", "respond-async, wait=61"), 422, "headers.prefer"],
  ["a wait of words", postWith("Prefer", "wait=long"), 422, "headers.prefer"],
  ["an empty key", postWith("Idempotency-Key", ""), 422, "headers.idempotency-key"],
  ["a long key", postWith("Idempotency-Key", "k".repeat(256)), 422, "headers.idempotency-key"],
  ["a dry run of words", (agent) => agent.post("/v1/jobs?dry_run=yes"), 422, "query.dry_run"],
  ["a dry run twice", (agent) => agent.post("/v1/jobs?dry_run=true&dry_run=false"), 422, "query.dry_run"],
  ["a dry run of another case", (agent) => agent.post("/v1/jobs?Dry_run=true"), 422, "query.Dry_run"],
  ["a query on a submit", (agent) => agent.post("/v1/jobs?wait=5"), 422, "query.wait"],
  ["a status that is none", (agent) => agent.get("/v1/jobs?status=done"), 422, "query.status"],
  ["an empty status", (agent) => agent.get("/v1/jobs?status="), 422, "query.status"],
  ["a page of 0", (agent) => agent.get("/v1/jobs?limit=0"), 422, "query.limit"],
  ["a page of 101", (agent) => agent.get("/v1/jobs?limit=101"), 422, "query.limit"],
  ["a page of 1e1", (agent) => agent.get("/v1/jobs?limit=1e1"), 422, "query.limit"],
  ["a cursor of another form", (agent) => agent.get("/v1/jobs?cursor=a%20b"), 422, "query.cursor"],
  ["a cursor that is no job", (agent) => agent.get("/v1/jobs?cursor=abc"), 422, "query.cursor"],
  ["an unknown parameter", (agent) => agent.get("/v1/jobs?page=2"), 422, "query.page"],
  ["a parameter __proto__", (agent) => agent.get("/v1/jobs?__proto__=2"), 422, "query.__proto__"],
  ["a tenant in a query", (agent) => agent.get("/v1/jobs?tenant=acme"), 422, "query.tenant"],
  ["a state of deliveries", (agent) => agent.get("/v1/deliveries?status=failed"), 422, "query.status"],
  ["a cursor of deliveries", (agent) => agent.get("/v1/deliveries?cursor="), 422, "query.cursor"],
  ["a page of the audit", (agent) => agent.get("/v1/admin/audit?limit=x"), 422, "query.limit"],
  ["a query on health", (agent) => agent.get("/healthz?x=1"), 422, "query.x"],
  ["a retry with a body", (agent) => agent.post(`/v1/jobs/${KNOWN_FORM}/retry`).send({ a: 1 }), 422, "body"],
  ["an unknown id to retry", (agent) => agent.post(`/v1/jobs/${KNOWN_FORM}/retry`), 404, "id"],
  ["an unknown id of deliveries", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/deliveries`), 404, "id"],
  ["an unknown delivery", (agent) => agent.post("/v1/deliveries/x/redeliver"), 404, "id"],
  ["a redelivery with a body", (agent) => agent.post("/v1/deliveries/x/redeliver").send([1]), 422, "body"],
  ["an unknown endpoint's secret", (agent) => agent.get("/v1/webhooks/x/secret"), 404, "id"],
  ["an unknown endpoint to rotate", (agent) => agent.post("/v1/webhooks/x/rotate"), 404, "id"],
  [
    "a page of too many frames",
    (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames?limit=1001`),
    422,
    "query.limit",
  ],
  ["a page of no frames", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames?limit=0`), 422, "query.limit"],
  [
    "a cursor that is no index",
    (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames?cursor=-1`),
    422,
    "query.cursor",
  ],
  [
    "frames of no state",
    (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames?status=done`),
    422,
    "query.status",
  ],
  ["frames of an unknown job", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames`), 404, "id"],
  ["an unknown endpoint to delete", (agent) => agent.delete("/v1/webhooks/x"), 404, "id"],
  ["an unknown endpoint to enable", (agent) => agent.post("/v1/webhooks/x/enable"), 404, "id"],
  [
    "a rotation of too long an overlap",
    (agent) => agent.post("/v1/webhooks/x/rotate").send({ overlap_seconds: 604_801 }),
    422,
    "overlap_seconds",
  ],
  [
    "a rotation with an unknown field",
    (agent) => agent.post("/v1/webhooks/x/rotate").send({ secret: "s" }),
    422,
    "secret",
  ],
  ["a key without a tenant", (agent) => agent.post("/v1/admin/keys").send({}), 422, "tenant"],
  [
    "a key without scopes",
    (agent) => agent.post("/v1/admin/keys").send({ tenant: "a", scopes: [] }),
    422,
    "scopes",
  ],
  [
    "a key of an unknown scope",
    (agent) => agent.post("/v1/admin/keys").send({ tenant: "a", scopes: ["root"] }),
    422,
    "scopes.0",
  ],
  [
    "a key of a rate of 0",
    (agent) => agent.post("/v1/admin/keys").send({ tenant: "a", requests_per_minute: 0 }),
    422,
    "requests_per_minute",
  ],
  [
    "a key as a form",
    (agent) => agent.post("/v1/admin/keys").type("form").send("tenant=a"),
    415,
    "headers.content-type",
  ],
  ["an unknown key to revoke", (agent) => agent.post("/v1/admin/keys/0123456789AB/revoke"), 404, "id"],
  ["a malformed key to revoke", (agent) => agent.post("/v1/admin/keys/x/revoke"), 404, "id"],
  ["a tenant of a wrong name", (agent) => agent.put("/v1/admin/tenants/A%20B").send({}), 422, "name"],
  ["a tenant without a body", (agent) => agent.put("/v1/admin/tenants/acme").type("json"), 400, "body"],
  [
    "a tenant of no weight",
    (agent) => agent.put("/v1/admin/tenants/acme").send({ weight: 0 }),
    422,
    "weight",
  ],
  [
    "a tenant of an unknown limit",
    (agent) => agent.put("/v1/admin/tenants/acme").send({ limits: { frames: 1 } }),
    422,
    "limits.frames",
  ],
  ["a tenant to post", (agent) => agent.post("/v1/admin/tenants/acme").send({}), 405, "method"],
  ["a query on a read", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}?x=1`), 422, "query.x"],
  ["an unknown path", (agent) => agent.get("/v2/jobs"), 404, "path"],
  ["a path of another case", (agent) => agent.get("/V1/models"), 404, "path"],
  ["a path that is no UTF-8", (agent) => agent.get("/v1/jobs/%E0%A4%A"), 422, "path"],
  ["a method", (agent) => agent.delete("/v1/jobs"), 405, "method"],
  ["a method on a job", (agent) => agent.put(`/v1/jobs/${KNOWN_FORM}`), 405, "method"],
  ["a read of cancel", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/cancel`), 405, "method"],
  ["a malformed id", (agent) => agent.get("/v1/jobs/job_1"), 404, "id"],
  ["a climbing id", (agent) => agent.get("/v1/jobs/..%2F..%2Fetc"), 404, "id"],
  ["an unknown id", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}`), 404, "id"],
  ["an unknown id to cancel", (agent) => agent.post(`/v1/jobs/${KNOWN_FORM}/cancel`), 404, "id"],
  ["an unknown id to follow", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/events`), 404, "id"],
  ["an unknown id of a frame", (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/frames/0`), 404, "id"],
  [
    "a cancel with a body",
    (agent) => agent.post(`/v1/jobs/${KNOWN_FORM}/cancel`).send({ reason: "x" }),
    422,
    "body",
  ],
  [
    "a wrong Last-Event-ID",
    (agent) => agent.get(`/v1/jobs/${KNOWN_FORM}/events`).set("Last-Event-ID", "-1"),
    422,
    "headers.last-event-id",
  ],
];

describe("wrong requests", () => {
  it.each(WRONG_FIELDS)("submitJob() refuses %s of %j by name", async (path, value) => {
    const [field = ""] = path.split(".");
    const response = await request(app)
      .post("/v1/jobs")
      .send({ prompt: "a sun", [field]: value });
    expect(response.status).toBe(422);
    expect(response.type).toBe("application/problem+json");
    expect(response.body).toMatchObject({ code: "invalid_request", status: 422, type: "about:blank" });
    expect(response.body.errors.map((error: { path: string }) => error.path)).toEqual([path]);
    expect(response.body.detail).toContain(path);
    expect(farm.submitted).toEqual([]);
  });

  it.each(WRONG_REQUESTS)("createApp() refuses %s and names it", async (_name, send, status, path) => {
    const response = await send(request(app));
    expect(response.status).toBe(status);
    expect(response.type).toBe("application/problem+json");
    expect(response.body.status).toBe(status);
    expect(response.body.errors[0].path).toBe(path);
    expect(response.headers["x-request-id"]).toBe(response.body.request_id);
    expect(farm.submitted).toEqual([]);
  });

  it("submitJob() lists all wrong fields of one body", async () => {
    const body = { width: 65, height: "x", steps: 0, seed: -1, webhook: {}, metadata: { a: 1 } };
    const response = await request(app).post("/v1/jobs").send(body);
    expect(response.body.errors.map((error: { path: string }) => error.path).sort()).toEqual([
      "height",
      "metadata.a",
      "prompt",
      "seed",
      "steps",
      "webhook.url",
      "width",
    ]);
  });

  it("submitJob() lists wrong headers, wrong fields and what the model refuses in one answer", async () => {
    const body = {
      prompt: " ",
      width: 208,
      steps: 0,
      sampler: "ddim",
      seed: "18446744073709551615",
      num_images: 2,
    };
    const response = await request(app)
      .post("/v1/jobs")
      .set("Prefer", "wait=0")
      .set("Idempotency-Key", "k".repeat(256))
      .send(body);
    expect(response.status).toBe(422);
    expect(response.body.errors.map((error: { path: string }) => error.path).sort()).toEqual([
      "headers.idempotency-key",
      "headers.prefer",
      "prompt",
      "sampler",
      "seed",
      "steps",
      "width",
    ]);
    const unknown = await request(app).post("/v1/jobs").send({ prompt: "a", model: "unknown", steps: 0 });
    expect(unknown.body.errors.map((error: { path: string }) => error.path)).toEqual(["steps", "model"]);
    farm.models = () => Promise.reject(new FarmError("queue_unavailable", "Cannot read the models"));
    const unsure = await request(app)
      .post("/v1/jobs")
      .send({ ...body, model: "unknown" });
    expect(unsure.status).toBe(422);
  });

  it("submitJob() takes keys that are alike only in other objects or in strings", async () => {
    const text = '{"prompt":"\\"prompt\\":\\\\","metadata":{"prompt":"b"}}';
    expect((await post(JSON_TYPE, text)(request(app))).status).toBe(202);
  });

  it("createApp() says which methods a path takes", async () => {
    expect((await request(app).patch("/v1/models")).headers.allow).toBe("GET, HEAD");
    expect((await request(app).put("/v1/jobs")).headers.allow).toBe("POST, GET, HEAD");
  });

  it("submitJob() repeats no prompt in a refusal", async () => {
    const response = await post(JSON_TYPE, '{"prompt":"my secret prompt",}')(request(app));
    expect(response.status).toBe(400);
    expect(response.text).not.toContain("secret");
  });
});
