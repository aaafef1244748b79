import type { Scope } from "@latentfarm/contract";
import type { Request } from "express";
import request, { type Test } from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestGateway, type TestGateway } from "../testing/test-gateway.js";
import { authenticate } from "./authenticate.js";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await createTestGateway({ queueMsMax: 40 });
});
afterEach(() => gateway[Symbol.asyncDispose]());

async function makeKey(scopes: Scope[], rate: number | null = null): Promise<string> {
  const wish = { tenant: "acme", name: "", scopes, requests_per_minute: rate };
  const { key } = await gateway.farm.access.createKey(wish, "cli:test");
  return key;
}
const models = (header?: string): Test => {
  const call = request(gateway.app).get("/v1/models");
  return header === undefined ? call : call.set("Authorization", header);
};
const submit = (key: string): Test =>
  request(gateway.app).post("/v1/jobs").set("Authorization", `Bearer ${key}`).send({ prompt: "a" });

describe("authenticate() with keys", () => {
  it("takes a live key, its scheme in any case", async () => {
    const key = await makeKey(["read"]);
    expect((await models(`Bearer ${key}`)).status).toBe(200);
    expect((await models(`bearer  ${key}`)).status).toBe(200);
  });

  it.each([
    undefined,
    "",
    "Bearer",
    "Basic bGZfMDox",
    "Bearer lf_000000000001",
    `Bearer lf_000000000009_${"S".repeat(40)}`,
    `Bearer lf_000000000001_${"T".repeat(40)}`,
    `Token lf_000000000001_${"S".repeat(40)}`,
    `Bearer lf_000000000001_${"S".repeat(40)}, Bearer x`,
  ])("answers 401 to %s and repeats nothing of it", async (header) => {
    await makeKey(["submit", "read"]);
    const response = await models(header);
    expect(response.status).toBe(401);
    expect(response.headers["www-authenticate"]).toBe("Bearer");
    expect(response.body).toMatchObject({
      code: "unauthorized",
      errors: [{ path: "headers.authorization" }],
    });
    expect(response.text).not.toMatch(/SSSS|TTTT|bGZ/);
  });

  it("answers 401 to a key in the query, the password or another header", async () => {
    const key = await makeKey(["submit", "read"]);
    const agent = request(gateway.app);
    expect((await agent.get(`/v1/models?key=${key}`)).status).toBe(401);
    expect((await agent.get("/v1/models").auth("lf", key)).status).toBe(401);
    expect((await agent.get("/v1/models").set("X-API-Key", key)).status).toBe(401);
    expect(gateway.logged.join()).not.toContain(key);
  });

  it("answers 401 to a revoked key, and does not open the farm again", async () => {
    const key = await makeKey(["read"]);
    await gateway.farm.access.revokeKey("000000000001", "cli:test");
    expect((await models(`Bearer ${key}`)).status).toBe(401);
    expect((await models()).status).toBe(401);
  });

  it("asks for scopes and names the one that lacks; who may submit may read", async () => {
    const reader = await makeKey(["read"]);
    const refused = await submit(reader);
    expect(refused.status).toBe(403);
    expect(refused.body).toMatchObject({ code: "forbidden", errors: [{ path: "headers.authorization" }] });
    expect(refused.body.errors[0].message).toContain("scope submit");
    const submitter = await makeKey(["submit"]);
    expect((await submit(submitter)).status).toBe(202);
    expect((await models(`Bearer ${submitter}`)).status).toBe(200);
    expect((await models(`Bearer ${await makeKey(["admin"])}`)).status).toBe(403);
    expect(gateway.farm.submitted).toHaveLength(1);
  });

  it("reads no body of a caller that may not send it", async () => {
    const reader = await makeKey(["read"]);
    const response = await request(gateway.app)
      .post("/v1/jobs")
      .set("Authorization", `Bearer ${reader}`)
      .set("Content-Type", "application/json")
      .send("{".repeat(70_000));
    expect(response.status).toBe(403);
  });

  it("counts requests of a key with a rate, and says which limit is reached and when to come back", async () => {
    const [limited, free] = [await makeKey(["read"], 2), await makeKey(["read"])];
    for (const status of [200, 200, 429]) expect((await models(`Bearer ${limited}`)).status).toBe(status);
    const { headers, body } = await models(`Bearer ${limited}`);
    expect(headers["retry-after"]).toBe("7");
    expect(body).toMatchObject({ code: "rate_limited", errors: [{ path: "limits.requests_per_minute" }] });
    for (let i = 0; i < 3; i++) expect((await models(`Bearer ${free}`)).status).toBe(200);
    expect([...gateway.farm.access.counted.keys()]).toEqual(["000000000001"]);
  });

  it("answers 503 while the queue cannot say whose a key is", async () => {
    const key = await makeKey(["read"]);
    for (const mood of ["away", "silent"] as const) {
      gateway.farm.mood = mood;
      const response = await models(`Bearer ${key}`);
      expect([response.status, response.headers["retry-after"]]).toEqual([503, "2"]);
    }
  });

  it("leaves what operations need open", async () => {
    await makeKey(["read"]);
    for (const path of ["/healthz", "/readyz", "/openapi.json"])
      expect((await request(gateway.app).get(path)).status).toBe(200);
  });
});

describe("authenticate() without keys", () => {
  it.each(["localhost", "localhost:8080", "127.0.0.1", "127.8.9.1:80", "[::1]:8080", "LOCALHOST"])(
    "takes calls to host %s",
    async (host) => {
      expect((await models().set("Host", host)).status).toBe(200);
    },
  );

  it.each([
    "example.org",
    "localhost.example.org",
    "127.0.0.1.nip.io",
    "10.0.0.1",
    "0.0.0.0",
    "[::ffff:10.0.0.1]",
    "user@localhost:x",
  ])("refuses host %s, which a name server may have pointed here", async (host) => {
    const response = await models().set("Host", host);
    expect([response.status, response.body.code]).toEqual([403, "forbidden"]);
    expect(response.body.errors[0]).toMatchObject({
      path: "headers.host",
      message: expect.stringContaining("./farm keys create"),
    });
  });

  it("takes pages of this machine and refuses those of other sites", async () => {
    for (const origin of ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:1"])
      expect((await models().set("Origin", origin)).status).toBe(200);
    for (const origin of ["https://example.org", "http://localhost.example.org", "null", "file://", ""]) {
      const response = await models().set("Origin", origin);
      expect([response.status, response.body.errors?.[0].path]).toEqual([403, "headers.origin"]);
    }
  });

  it.each(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"])(
    "refuses what a proxy hands on with %s, and takes it with a key",
    async (name) => {
      const response = await models().set(name, "127.0.0.1");
      expect([response.status, response.body.errors?.[0].path]).toEqual([
        403,
        `headers.${name.toLowerCase()}`,
      ]);
      const key = await makeKey(["read"]);
      expect((await models(`Bearer ${key}`).set(name, "127.0.0.1")).status).toBe(200);
    },
  );

  it.each([
    ["127.0.0.1", true],
    ["127.9.0.1", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["10.0.0.1", false],
    ["::ffff:10.0.0.1", false],
    ["fe80::1", false],
    [undefined, false],
  ])("asks that the peer is of this machine: %s is %s", async (remoteAddress, isTaken) => {
    const call: Request = Object.create({ headers: { host: "localhost" }, socket: { remoteAddress } });
    const caller = authenticate(gateway.context, call, "read");
    if (isTaken) expect((await caller).actor).toBe("open");
    else await expect(caller).rejects.toMatchObject({ code: "forbidden" });
  });

  it("knows who shows the first key, though it was made elsewhere a moment ago", async () => {
    const key = await makeKey(["read"]);
    const { access } = gateway.farm;
    let asked = 0;
    // What another process has made is seen by its keys only after a while, unless one of them is shown.
    const late = { ...access, hasKeys: async () => asked++ > 0 };
    const shown: Request = Object.create({ headers: { authorization: `Bearer ${key}` }, socket: {} });
    const caller = await authenticate({ access: late, isLoopback: true }, shown, "read");
    expect(caller.tenant.name).toBe("acme");
  });

  it("closes once the first key is made", async () => {
    expect((await models()).status).toBe(200);
    const wish = { tenant: "acme", name: "", scopes: ["read" as const], requests_per_minute: null };
    await gateway.farm.access.createKey(wish, "cli:test");
    expect((await models()).status).toBe(401);
  });

  it("answers 503 while the queue cannot say whether there are keys", async () => {
    gateway.farm.mood = "silent";
    expect((await models()).status).toBe(503);
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "farm.example"])(
    "refuses every call when listening on %s, and says how to make the first key",
    async (host) => {
      await using open = await createTestGateway({ host });
      const response = await request(open.app).get("/v1/models").set("Host", "localhost");
      expect([response.status, response.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
      expect(response.body.detail).toContain("./farm keys create");
    },
  );
});
