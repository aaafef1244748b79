import type { Delivery } from "@latentfarm/contract";
import request from "supertest";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deliveryOf } from "./testing/fake-webhooks.js";
import { createTestGateway, type TestGateway } from "./testing/test-gateway.js";

const HOOK = "https://hooks.example.org/farm";

let gateway: TestGateway;
let job = "";
beforeEach(async () => {
  gateway = await createTestGateway();
  const body = { prompt: "a", webhook: { url: HOOK } };
  job = (await request(gateway.app).post("/v1/jobs").send(body)).body.id;
});
afterEach(() => gateway[Symbol.asyncDispose]());

const get = async (path: string) => (await request(gateway.app).get(path)).body;
const post = (path: string) => request(gateway.app).post(path);
const tell = (id: string, change: Partial<Delivery> = {}): void =>
  gateway.farm.webhooks.tellDelivery("default", { ...deliveryOf(job, id), ...change });
const idsOf = (body: { deliveries: readonly Delivery[] }) => body.deliveries.map(({ id }) => id);

describe("deliveries", () => {
  it("are listed of a job and of the tenant, newest first, page by page", async () => {
    for (const id of ["msg_1", "msg_2", "msg_3"]) tell(id);
    tell("msg_other", { job_id: "job_other" });
    expect(idsOf(await get(`/v1/jobs/${job}/deliveries`))).toEqual(["msg_3", "msg_2", "msg_1"]);
    const page = await get("/v1/deliveries?limit=3");
    expect(idsOf(page)).toEqual(["msg_other", "msg_3", "msg_2"]);
    expect(idsOf(await get(`/v1/deliveries?limit=3&cursor=${page.next_cursor}`))).toEqual(["msg_1"]);
  });

  it("that are dead are listed apart and can be sent again", async () => {
    tell("msg_1", { status: "dead", next_attempt_at: null });
    tell("msg_2", { status: "delivered" });
    expect(idsOf(await get("/v1/deliveries?status=dead"))).toEqual(["msg_1"]);
    const response = await post("/v1/deliveries/msg_1/redeliver");
    expect([response.status, response.body.id, response.body.status]).toEqual([202, "msg_1", "pending"]);
    expect(idsOf(await get("/v1/deliveries?status=dead"))).toEqual([]);
  });
});

describe("webhook endpoints", () => {
  it("are listed without secrets, and the secret is shown when asked for", async () => {
    const { endpoints } = await get("/v1/webhooks");
    expect(endpoints).toMatchObject([{ url: HOOK, disabled: null, previous_secret_until: null }]);
    expect(JSON.stringify(endpoints)).not.toContain("whsec_");
    expect((await get(`/v1/webhooks/${endpoints[0].id}/secret`)).secret).toMatch(/^whsec_/);
  });

  it("rotate their secret, with a day's overlap unless told otherwise", async () => {
    const [{ id }] = (await get("/v1/webhooks")).endpoints;
    const before = (await get(`/v1/webhooks/${id}/secret`)).secret;
    const rotated = await post(`/v1/webhooks/${id}/rotate`);
    expect(rotated.status).toBe(200);
    expect(rotated.body.secret).not.toBe(before);
    expect(rotated.body.previous_secret_until).toBe("2026-01-02T00:00:00.000Z");
    const at_once = await post(`/v1/webhooks/${id}/rotate`).send({ overlap_seconds: 0 });
    expect(at_once.body.previous_secret_until).toBe("2026-01-01T00:00:00.000Z");
    expect(gateway.logged.join()).not.toContain("whsec_");
  });

  it("are deleted, the second time as well as the first", async () => {
    const [{ id }] = (await get("/v1/webhooks")).endpoints;
    const answers = [
      await request(gateway.app).delete(`/v1/webhooks/${id}`),
      await request(gateway.app).delete(`/v1/webhooks/${id}`),
    ];
    expect(answers.map(({ status, text }) => [status, text])).toEqual([
      [204, ""],
      [204, ""],
    ]);
    expect((await get("/v1/webhooks")).endpoints).toEqual([]);
    expect((await request(gateway.app).get(`/v1/webhooks/${id}/secret`)).status).toBe(404);
  });

  it("are taken into service again", async () => {
    const [{ id }] = (await get("/v1/webhooks")).endpoints;
    gateway.farm.webhooks.changeEndpoint(id, { disabled: "gone" });
    expect((await get("/v1/webhooks")).endpoints[0].disabled).toBe("gone");
    expect((await post(`/v1/webhooks/${id}/enable`).send({})).body.disabled).toBeNull();
  });
});
