import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await createTestGateway();
});
afterEach(() => gateway[Symbol.asyncDispose]());

const ADMIN = { tenant: "ops", name: "the admin's", scopes: ["admin"] };

/** Makes the first key of the farm, which closes it. */
async function makeAdmin(): Promise<string> {
  const response = await request(gateway.app).post("/v1/admin/keys").send(ADMIN);
  expect(response.status).toBe(201);
  return `Bearer ${response.body.key}`;
}

describe("/v1/admin/keys", () => {
  it("makes the first key on an open farm, shows it once and closes the farm at once", async () => {
    const admin = await makeAdmin();
    expect(admin).toMatch(/^Bearer lf_/);
    expect((await request(gateway.app).get("/v1/models")).status).toBe(401);
    const { body, text } = await request(gateway.app).get("/v1/admin/keys").set("Authorization", admin);
    expect(body.keys).toMatchObject([{ tenant: "ops", scopes: ["admin"], requests_per_minute: 6_000 }]);
    expect(text).not.toContain(admin.slice("Bearer ".length));
    expect(gateway.logged.join()).not.toContain(admin.slice("Bearer ".length));
  });

  it("gives a key without wishes what a client needs, and revokes it", async () => {
    const admin = await makeAdmin();
    const agent = request(gateway.app);
    const made = await agent.post("/v1/admin/keys").set("Authorization", admin).send({ tenant: "acme" });
    expect(made.body).toMatchObject({
      scopes: ["submit", "read"],
      requests_per_minute: 6_000,
      revoked_at: null,
    });
    const client = `Bearer ${made.body.key}`;
    expect((await agent.get("/v1/jobs").set("Authorization", client)).status).toBe(200);
    for (let i = 0; i < 2; i++) {
      const path = `/v1/admin/keys/${made.body.id}/revoke`;
      const revoked = await agent.post(path).set("Authorization", admin);
      expect([revoked.status, typeof revoked.body.revoked_at]).toEqual([200, "string"]);
      expect(revoked.body).not.toHaveProperty("key");
    }
    expect((await agent.get("/v1/jobs").set("Authorization", client)).status).toBe(401);
  });

  it.each([
    ["get", "/v1/admin/keys"],
    ["post", "/v1/admin/keys"],
    ["post", "/v1/admin/keys/0123456789AB/revoke"],
    ["get", "/v1/admin/tenants"],
    ["put", "/v1/admin/tenants/acme"],
    ["get", "/v1/admin/audit"],
  ] as const)("is for administrators alone: %s %s", async (method, path) => {
    const admin = await makeAdmin();
    const agent = request(gateway.app);
    const made = await agent.post("/v1/admin/keys").set("Authorization", admin).send({ tenant: "acme" });
    expect((await agent[method](path)).status).toBe(401);
    const refused = await agent[method](path).set("Authorization", `Bearer ${made.body.key}`);
    expect([refused.status, refused.body.code]).toEqual([403, "forbidden"]);
  });
});

describe("/v1/admin/tenants", () => {
  it("sets weight and limits, what is left out becoming the default, and shows what is open", async () => {
    const agent = request(gateway.app);
    const limits = { queued_cost_max: 100, running_frames_max: 2 };
    const set = await agent.put("/v1/admin/tenants/default").send({ weight: 3, limits });
    expect(set.body).toEqual({ name: "default", weight: 3, limits });
    await agent.post("/v1/jobs").send({ prompt: "a", num_images: 2 });
    expect((await agent.get("/v1/admin/tenants")).body.tenants).toEqual([
      { name: "default", weight: 3, limits, usage: expect.objectContaining({ concurrent_frames: 2 }) },
    ]);
    const reset = await agent.put("/v1/admin/tenants/default").send({});
    expect(reset.body).toEqual({ name: "default", weight: 1, limits: {} });
  });
});

describe("GET /v1/admin/audit", () => {
  it("tells who did what, newest first and page by page, and no secret", async () => {
    const admin = await makeAdmin();
    const agent = request(gateway.app);
    await agent.put("/v1/admin/tenants/acme").set("Authorization", admin).send({ weight: 2 });
    const read = (query: string) => agent.get(`/v1/admin/audit${query}`).set("Authorization", admin);
    const first = (await read("?limit=1")).body;
    expect(first.entries).toMatchObject([
      { actor: "key:000000000001", action: "tenant.set", target: "tenant:acme" },
    ]);
    const { body, text } = await read(`?cursor=${first.next_cursor}`);
    expect(body).toMatchObject({ entries: [{ actor: "open", action: "key.create" }], next_cursor: null });
    expect(text).not.toContain("lf_");
  });
});
