import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHeldAnswers } from "./held-answers.js";
import { type RunningServer, startServer } from "./server.js";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

const MAX = 2;

it("createHeldAnswers() counts each tenant by itself, and a place that is given back twice once", () => {
  const held = createHeldAnswers(MAX);
  const first = held.take("a");
  expect(first).toBeDefined();
  expect(held.take("a")).toBeDefined();
  expect(held.take("a")).toBeUndefined();
  expect(held.take("b")).toBeDefined();
  first?.();
  first?.();
  expect(held.take("a")).toBeDefined();
  expect(held.take("a")).toBeUndefined();
});

describe("a tenant with as many event streams and waits as it may hold", () => {
  let gateway: TestGateway;
  let server: RunningServer;
  let keys: { readonly acme: string; readonly rival: string };
  const readers: AbortController[] = [];
  beforeEach(async () => {
    gateway = await createTestGateway({ tenantStreamsMax: MAX });
    server = await startServer(gateway.app, { host: "127.0.0.1", port: 0 });
    keys = { acme: await makeKey("acme"), rival: await makeKey("rival") };
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.abort();
    gateway.context.drain();
    await server.close();
    await gateway[Symbol.asyncDispose]();
  });

  async function makeKey(tenant: string): Promise<string> {
    const scopes = ["submit" as const, "read" as const];
    const wish = { tenant, name: "", scopes, requests_per_minute: null };
    return (await gateway.farm.access.createKey(wish, "cli:test")).key;
  }
  const call = (key: string, path: string, init: RequestInit = {}) => {
    const headers = { ...init.headers, authorization: `Bearer ${key}`, "content-type": "application/json" };
    return fetch(`${server.url}${path}`, { ...init, headers });
  };
  const submit = async (key: string, headers: Record<string, string> = {}) => {
    const response = await call(key, "/v1/jobs", { method: "POST", body: '{"prompt":"a"}', headers });
    const body: unknown = await response.json();
    const id = typeof body === "object" && body !== null && "id" in body ? String(body.id) : "";
    return { status: response.status, waited: response.headers.get("preference-applied"), id };
  };
  /** Opens a stream and leaves it open. */
  const follow = (key: string, id: string, method = "GET") => {
    const reader = new AbortController();
    readers.push(reader);
    return call(key, `/v1/jobs/${id}/events`, { method, signal: reader.signal });
  };

  it("is refused one more stream by the limit's name, until one of them leaves; others are not", async () => {
    const { id } = await submit(keys.acme);
    for (let n = 0; n < MAX; n++) expect((await follow(keys.acme, id)).status).toBe(200);
    const refused = await follow(keys.acme, id);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "10"]);
    expect(await refused.json()).toMatchObject({
      code: "quota_exceeded",
      errors: [{ path: "limits.tenant_streams_max" }],
    });
    expect((await follow(keys.acme, id, "HEAD")).status).toBe(200);
    const other = await submit(keys.rival);
    expect((await follow(keys.rival, other.id)).status).toBe(200);
    readers[0]?.abort();
    await expect.poll(async () => (await follow(keys.acme, id)).status).toBe(200);
    expect((await follow(keys.acme, id)).status).toBe(429);
  });

  it("is not waited for, and its job is taken in all the same", async () => {
    const { id } = await submit(keys.acme);
    for (let n = 0; n < MAX; n++) await follow(keys.acme, id);
    expect(await submit(keys.acme, { prefer: "wait=60" })).toMatchObject({ status: 202, waited: null });
    readers[0]?.abort();
    await expect
      .poll(async () => (await submit(keys.acme, { prefer: "wait=1" })).waited, { timeout: 10_000 })
      .toBe("wait=1");
    // The wait that is over has left its place.
    expect((await follow(keys.acme, id)).status).toBe(200);
  });
});
