import { describe, expect, test } from "vitest";
import { type ClientOptions, createLatentfarmClient } from "./index.js";
import { answerJson, answerProblem, type FakeFarm, startFakeFarm } from "./testing/fake-farm.js";

const JOB = { id: "job_1", status: "queued" };

/** A client that notes its pauses instead of making them. */
function clientOf(farm: Pick<FakeFarm, "baseUrl">, over: Partial<ClientOptions> = {}) {
  const pauses: number[] = [];
  const client = createLatentfarmClient({
    baseUrl: farm.baseUrl,
    random: () => 0,
    pause: async (ms) => void pauses.push(ms),
    ...over,
  });
  return { client, pauses };
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "ok",
    (error: { code?: string; name: string }) => error.code ?? error.name,
  );

describe("the calls of a client", () => {
  test("each asks for its route, with the key", async () => {
    await using farm = await startFakeFarm((response) => answerJson(response, 200, JOB));
    const { client } = clientOf({ baseUrl: `${farm.baseUrl}/` }, { apiKey: "lf_key" });
    await client.submit({ prompt: "a", seed: 7 }, { idempotencyKey: "key 1", waitSeconds: 5 });
    await client.dryRun({ prompt: "a" });
    await client.get("job_1");
    await client.list({ status: "failed", limit: 5, cursor: "a b" });
    await client.list();
    await client.cancel("job_1");
    await client.retry("job_1");
    await client.stats();
    await client.deliveries("job_1", { cursor: "c" });
    await client.redeliver("msg_1");
    await client.frames("job_1", { status: "failed", limit: 5, cursor: "7" });
    await client.webhooks();
    await client.deleteWebhook("ep_1");
    await client.downloadFrame("job_1", 3);
    await client.get("../admin?x");
    expect(farm.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      "POST /v1/jobs",
      "POST /v1/jobs?dry_run=true",
      "GET /v1/jobs/job_1",
      "GET /v1/jobs?status=failed&limit=5&cursor=a+b",
      "GET /v1/jobs",
      "POST /v1/jobs/job_1/cancel",
      "POST /v1/jobs/job_1/retry",
      "GET /v1/stats",
      "GET /v1/jobs/job_1/deliveries?cursor=c",
      "POST /v1/deliveries/msg_1/redeliver",
      "GET /v1/jobs/job_1/frames?status=failed&limit=5&cursor=7",
      "GET /v1/webhooks",
      "DELETE /v1/webhooks/ep_1",
      "GET /v1/jobs/job_1/frames/3",
      "GET /v1/jobs/..%2Fadmin%3Fx",
    ]);
    expect(new Set(farm.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(["Bearer lf_key"]),
    );
    const [submit, dryRun] = farm.requests;
    expect(submit?.headers).toMatchObject({
      "content-type": "application/json",
      "idempotency-key": "key 1",
      prefer: "wait=5",
    });
    expect([submit?.body, dryRun?.body]).toEqual(['{"prompt":"a","seed":7}', '{"prompt":"a"}']);
    expect(dryRun?.headers["idempotency-key"]).toBeUndefined();
  });

  test("eachFrame() goes through the pages, from the cursor on", async () => {
    const pages = [
      { frames: [{ index: 4 }, { index: 6 }], next_cursor: "7" },
      { frames: [], next_cursor: "9" },
      { frames: [{ index: 9 }], next_cursor: null },
    ];
    await using farm = await startFakeFarm((response, _request, number) =>
      answerJson(response, 200, pages[number] ?? {}),
    );
    const seen: number[] = [];
    for await (const { index } of clientOf(farm).client.eachFrame("job_1", { limit: 2, cursor: "4" }))
      seen.push(index);
    expect(seen).toEqual([4, 6, 9]);
    expect(farm.requests.map(({ url }) => url)).toEqual(
      ["4", "7", "9"].map((cursor) => `/v1/jobs/job_1/frames?limit=2&cursor=${cursor}`),
    );
  });

  test("submit() makes a key of its own for each job, and keeps it over its tries", async () => {
    await using farm = await startFakeFarm((response, _request, number) =>
      number % 2 === 0
        ? answerProblem(response, 503, { code: "queue_unavailable", retryAfter: 2 })
        : answerJson(response, 202, JOB),
    );
    const { client } = clientOf(farm);
    await client.submit({ prompt: "a" });
    await client.submit({ prompt: "a" });
    const keys = farm.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys).toEqual([keys[0], keys[0], keys[2], keys[2]]);
    expect(keys[0]).not.toBe(keys[2]);
  });

  test("downloadFrame() gives the bytes and their type", async () => {
    const bytes = Buffer.from([0, 1, 254, 255]);
    await using farm = await startFakeFarm((response) =>
      response.writeHead(200, { "content-type": "image/png" }).end(bytes),
    );
    const picture = await clientOf(farm).client.downloadFrame("job_1");
    expect(picture).toEqual({ bytes: new Uint8Array(bytes), contentType: "image/png" });
  });

  test("downloadFrame() follows a redirect to the store and keeps the key from it", async () => {
    await using store = await startFakeFarm((response) => response.end("picture"));
    const target = `${store.baseUrl.replace("127.0.0.1", "localhost")}/signed`;
    await using farm = await startFakeFarm((response) => response.writeHead(302, { location: target }).end());
    const picture = await clientOf(farm, { apiKey: "lf_key" }).client.downloadFrame("job_1");
    expect(Buffer.from(picture.bytes).toString()).toBe("picture");
    expect(store.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe("the errors of a client", () => {
  test("a problem becomes an error with its code, fields and request id", async () => {
    const errors = [{ path: "steps", message: "must be at most 150 (limit steps_max)" }];
    await using farm = await startFakeFarm((response) =>
      answerProblem(response, 422, { code: "invalid_request", detail: "Cannot accept the request", errors }),
    );
    await expect(clientOf(farm).client.submit({ prompt: "a", steps: 151 })).rejects.toMatchObject({
      name: "LatentfarmError",
      code: "invalid_request",
      status: 422,
      errors,
      requestId: "req_1",
      message: "Cannot accept the request: steps must be at most 150 (limit steps_max)",
    });
    expect(farm.requests).toHaveLength(1);
  });

  test.each([
    [200, "text/html", "<html>", "unexpected_answer"],
    [404, "text/html", "<html>", "unexpected_answer"],
    [500, "application/problem+json", "{", "unexpected_answer"],
    [500, "application/problem+json", "null", "unexpected_answer"],
  ])("an answer of %i %s %j is no farm's", async (status, type, body, code) => {
    await using farm = await startFakeFarm((response) =>
      response.writeHead(status, { "content-type": type }).end(body),
    );
    expect(await codeOf(clientOf(farm).client.get("job_1"))).toBe(code);
  });

  test("nobody there is unreachable, and a farm that is silent times out", async () => {
    const gone = await startFakeFarm(() => undefined);
    await gone[Symbol.asyncDispose]();
    expect(await codeOf(clientOf(gone).client.get("job_1"))).toBe("unreachable");
    await using silent = await startFakeFarm(() => undefined);
    const { client } = clientOf(silent, { timeoutMs: 50, retriesMax: 1 });
    expect(await codeOf(client.get("job_1"))).toBe("timed_out");
    expect(silent.requests).toHaveLength(2);
  });

  test("the caller's own signal ends a call and a pause with its own reason", async () => {
    await using silent = await startFakeFarm(() => undefined);
    expect(await codeOf(clientOf(silent).client.get("job_1", { signal: AbortSignal.timeout(20) }))).not.toBe(
      "ok",
    );
    await expect(
      clientOf(silent).client.get("job_1", { signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
    await using busy = await startFakeFarm((response) =>
      answerProblem(response, 503, { code: "overloaded", retryAfter: 20 }),
    );
    const client = createLatentfarmClient({ baseUrl: busy.baseUrl });
    const started = performance.now();
    expect(await codeOf(client.get("job_1", { signal: AbortSignal.timeout(100) }))).not.toBe("ok");
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("the repeats of a client", () => {
  test("a call that is refused for now is repeated after what the farm asks for, 4 times at most", async () => {
    await using farm = await startFakeFarm((response) =>
      answerProblem(response, 429, { code: "rate_limited", retryAfter: 3 }),
    );
    const { client, pauses } = clientOf(farm);
    await expect(client.get("job_1")).rejects.toMatchObject({ code: "rate_limited", retryAfterSeconds: 3 });
    expect(farm.requests).toHaveLength(5);
    expect(pauses).toEqual([3_000, 3_000, 3_000, 4_000]);
  });

  test("a farm that asks for more than 30 s is told of at once", async () => {
    await using farm = await startFakeFarm((response) =>
      answerProblem(response, 429, { code: "quota_exceeded", retryAfter: 31 }),
    );
    const { client, pauses } = clientOf(farm);
    expect(await codeOf(client.submit({ prompt: "a" }))).toBe("quota_exceeded");
    expect(pauses).toEqual([]);
  });

  test("pauses double, less up to a half by chance", async () => {
    await using farm = await startFakeFarm((response) =>
      answerProblem(response, 503, { code: "overloaded" }),
    );
    const full = clientOf(farm);
    await codeOf(full.client.get("job_1"));
    expect(full.pauses).toEqual([500, 1_000, 2_000, 4_000]);
    const half = clientOf(farm, { random: () => 0.999_999 });
    await codeOf(half.client.get("job_1"));
    expect(half.pauses).toEqual([250, 500, 1_000, 2_000]);
  });

  test.each([400, 401, 403, 404, 409, 413, 422, 500])("status %i is not repeated", async (status) => {
    await using farm = await startFakeFarm((response) =>
      answerProblem(response, status, { code: "internal" }),
    );
    await codeOf(clientOf(farm).client.get("job_1"));
    expect(farm.requests).toHaveLength(1);
  });

  test("retry() keeps its key over its tries, and has another one each time", async () => {
    await using farm = await startFakeFarm((response, _request, number) =>
      number % 2 === 0 ? response.destroy() : answerJson(response, 202, JOB),
    );
    const { client } = clientOf(farm);
    await client.retry("job_1");
    await client.retry("job_1");
    await client.retry("job_1", { idempotencyKey: "own" });
    const keys = farm.requests.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys).toEqual([keys[0], keys[0], keys[2], keys[2], "own", "own"]);
    expect(keys[0]).not.toBe(keys[2]);
  });

  test("redeliver() is repeated only when it was refused unseen", async () => {
    for (const [status, requests] of [
      [503, 1],
      [429, 5],
    ] as const) {
      await using farm = await startFakeFarm((response) =>
        answerProblem(response, status, { code: "overloaded" }),
      );
      await codeOf(clientOf(farm).client.redeliver("msg_1"));
      expect(farm.requests).toHaveLength(requests);
    }
  });

  test("an answer that breaks off is asked for again", async () => {
    await using farm = await startFakeFarm((response, _request, number) =>
      number === 0 ? response.destroy() : answerJson(response, 200, JOB),
    );
    expect(await clientOf(farm).client.get("job_1")).toEqual(JOB);
  });
});
