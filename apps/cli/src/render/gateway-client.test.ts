import { type JobId, type JobRecord, jobToWire } from "@latentfarm/contract";
import { expect, test } from "vitest";
import { createGatewayClient } from "./gateway-client.js";

const JOB: JobId = "job_00000000000000000000000000" as JobId; // a brand without its check: a valid id
const EVENT = { job_id: JOB, timestamp: "2026-01-01T00:00:00Z" };

/** A client whose fetch answers the given responses in turn, and what it was asked. */
function clientOf(
  answers: readonly (Response | Error)[],
  { signal = new AbortController().signal, apiKey }: { signal?: AbortSignal; apiKey?: string } = {},
) {
  const left = [...answers];
  const asked: Request[] = [];
  const fetch = async (url: string | URL | Request, init?: RequestInit) => {
    asked.push(new Request(url, init));
    const answer = left.shift() ?? new Error("no more answers");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { client: createGatewayClient({ url: "http://gateway.test:1", signal, apiKey, fetch }), asked };
}

const problem = (body: object, status: number) => new Response(JSON.stringify(body), { status });

function stream(...events: object[]): Response {
  return new Response(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
}

test("submit() throws a problem's code, detail and fields", async () => {
  const errors = [{ path: "steps", message: "must be at least 1" }];
  const body = {
    type: "about:blank",
    title: "Invalid request",
    status: 422,
    code: "invalid_request",
    detail: "Cannot",
    errors,
  };
  const { client } = clientOf([problem(body, 422)]);
  await expect(client.submit({ prompt: "a" })).rejects.toMatchObject({
    code: "invalid_request",
    message: "Cannot",
    details: { errors },
  });
});

test("submit() names the request where a problem has no detail", async () => {
  const body = { type: "about:blank", title: "Internal", status: 500, code: "internal", request_id: "r1" };
  await expect(clientOf([problem(body, 500)]).client.submit({ prompt: "a" })).rejects.toThrow(
    "Internal (request r1)",
  );
});

test("submit() fails clearly on answers that are not of this contract", async () => {
  const html = new Response("<html>", { status: 502 });
  await expect(clientOf([html]).client.submit({ prompt: "a" })).rejects.toThrow("status is 502");
  const odd = new Response('{"id": 7}');
  await expect(clientOf([odd]).client.submit({ prompt: "a" })).rejects.toThrow("field id is wrong");
  const down = clientOf([new TypeError("fetch failed")]).client.submit({ prompt: "a" });
  await expect(down).rejects.toThrow("Cannot reach the gateway: url is http://gateway.test:1");
});

test("events() takes a broken stream up after the last event it saw, and ends with the terminal one", async () => {
  const { client, asked } = clientOf([
    stream(
      { ...EVENT, id: 1, type: "job.queued", data: { frames: 1 } },
      { ...EVENT, id: 2, type: "job.started", data: {} },
    ),
    new TypeError("fetch failed"),
    stream(
      { ...EVENT, id: 2, type: "job.started", data: {} },
      { ...EVENT, id: 3, type: "job.succeeded", data: {} },
    ),
  ]);
  const seen: string[] = [];
  for await (const event of client.events(JOB)) seen.push(event.type);
  expect(seen).toEqual(["job.queued", "job.started", "job.succeeded"]);
  expect(asked.map(({ headers }) => headers.get("last-event-id"))).toEqual([null, "2", "2"]);
});

test("events() does not try again where trying again cannot help", async () => {
  const body = {
    type: "about:blank",
    title: "Not found",
    status: 404,
    code: "not_found",
    detail: "Cannot find it",
  };
  const { client, asked } = clientOf([problem(body, 404)]);
  await expect(client.events(JOB)[Symbol.asyncIterator]().next()).rejects.toThrow("Cannot find it");
  expect(asked).toHaveLength(1);
});

test("cancel() is sent although the call's signal has aborted", async () => {
  const { client, asked } = clientOf([new Response("{}")], { signal: AbortSignal.abort() });
  await client.cancel(JOB);
  expect(asked[0]?.method).toBe("POST");
});

test("models() names those that live workers serve", async () => {
  const model = {
    architecture: "sd3.5-large",
    defaults: { width: 64, height: 64, steps: 1, guidance_scale: 1, sampler: "a", scheduler: "b", shift: 3 },
    limits: { width_max: 64, height_max: 64, size_multiple: 16 },
    samplers: ["a"],
    schedulers: ["b"],
  };
  const models = [
    { ...model, name: "live", workers: 2 },
    { ...model, name: "lately", workers: 0 },
  ];
  const { client } = clientOf([new Response(JSON.stringify({ models }))]);
  expect(await client.models()).toEqual(["live"]);
});

const REFUSAL = {
  type: "about:blank",
  title: "Unauthorized",
  status: 401,
  code: "unauthorized",
  detail: "Cannot serve the request as headers.authorization must be Bearer and an API key, is absent",
};

test("every call shows the key, beside the headers of its own", async () => {
  const apiKey = `lf_${"0".repeat(12)}_${"0".repeat(40)}`;
  const { client, asked } = clientOf([stream({ ...EVENT, id: 1, type: "job.canceled", data: {} })], {
    apiKey,
  });
  for await (const _event of client.events(JOB));
  await client.cancel(JOB).catch(() => undefined);
  await client.submit({ prompt: "a" }).catch(() => undefined);
  expect(asked.map(({ headers }) => headers.get("authorization"))).toEqual(Array(3).fill(`Bearer ${apiKey}`));
  expect(asked[0]?.headers.get("accept")).toBe("text/event-stream");
  expect(asked[2]?.headers.get("content-type")).toBe("application/json");
  const keyless = clientOf([]);
  await keyless.client.cancel(JOB).catch(() => undefined);
  expect(keyless.asked[0]?.headers.has("authorization")).toBe(false);
});

test("a farm that asks for a key is told in the command line's words, and never the key", async () => {
  const without = clientOf([problem(REFUSAL, 401)]).client.submit({ prompt: "a" });
  await expect(without).rejects.toThrow("set FARM_API_KEY; make one with ./farm keys create");
  const apiKey = `lf_${"0".repeat(12)}_${"0".repeat(40)}`;
  const failure = await clientOf([problem(REFUSAL, 401)], { apiKey })
    .client.submit({ prompt: "a" })
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: "unauthorized", message: expect.stringContaining("was revoked") });
  expect(String(failure)).not.toContain(apiKey);
});

test("job() gives all frames of a job that its answer lists in part", async () => {
  const { frames, frames_next_cursor: cursor, ...head } = jobWith([0], "1");
  const page = (index: number, next: string | null) =>
    Response.json({ frames: jobWith([index], null).frames, next_cursor: next });
  const { client, asked } = clientOf([
    Response.json({ ...head, frames, frames_next_cursor: cursor }),
    page(1, "2"),
    page(2, null),
  ]);
  expect((await client.job(JOB)).frames.map(({ index }) => index)).toEqual([0, 1, 2]);
  const path = `http://gateway.test:1/v1/jobs/${JOB}`;
  expect(asked.map(({ url }) => url)).toEqual([
    path,
    `${path}/frames?limit=1000&cursor=1`,
    `${path}/frames?limit=1000&cursor=2`,
  ]);
});

/** A job as its answer lists it. */
function jobWith(indices: readonly number[], cursor: string | null) {
  const params = {
    ...{ prompt: "a", negative_prompt: "", model: "m", width: 64, height: 64, steps: 1, guidance_scale: 1 },
    ...{ sampler: "euler", scheduler: "simple", shift: 3, seed: "7", output_format: "png" as const },
    ...{ output_quality: 90, num_images: 3, priority: "normal" as const, metadata: {} },
  };
  const record: JobRecord = {
    ...{ id: JOB, tenant: "default", status: "queued", created_at: EVENT.timestamp, started_at: null },
    ...{ finished_at: null, model: "m", params, start_before: null, cost: 0, position: null },
    ...{ eta_seconds: null, eta_low_seconds: null, eta_high_seconds: null, error: null, webhook: null },
    progress: { step: 0, steps: 3, frames_done: 0, frames: 3 },
    frames: indices.map((index) => ({
      ...{ index, seed: "7", status: "queued", attempt: 0, result: null, error: null },
    })),
  };
  return { ...jobToWire(record), frames_next_cursor: cursor };
}
