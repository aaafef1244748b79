import { createHash } from "node:crypto";
import path from "node:path";
import { type Job, modelListSchema, problemSchema } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodePng,
  fetchFrame,
  getJob,
  meanDifference,
  post,
  REPOSITORY_ROOT,
  readEvents,
  readPng,
  runJob,
  startTestFarm,
  submit,
  type TestFarm,
} from "../harness/index.js";

const SUNRISE = { prompt: "a yellow sun over blue mountains under an orange sky", seed: 7 };
/** Its picture by the published reference implementation. */
const SUNRISE_EXPECTED = path.join(REPOSITORY_ROOT, "packages/demo-model/expected/00.png");
/** The promise of the issue, in units of 1 of 255. */
const REFERENCE_DIFFERENCE_MAX = 2;
/** What batch mates may change in a picture, in units of 1 of 255. */
const BATCH_DIFFERENCE_MAX = 1;

let farm: TestFarm;

beforeAll(async () => {
  farm = await startTestFarm();
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
});

describe("POST /v1/jobs", () => {
  it("turns a prompt into the reference's picture", async () => {
    const response = await post(`${farm.url}/v1/jobs`, SUNRISE);
    expect(response.status).toBe(202);
    const accepted = (await response.json()) as Job;
    expect(response.headers.get("location")).toContain(accepted.id);
    await readEvents(accepted, { farmUrl: farm.url });
    const job = await getJob(farm.url, accepted.id);
    expect(job).toMatchObject({
      status: "succeeded",
      progress: { frames_done: 1, frames: 1, step: 20, steps: 20 },
    });
    const bytes = await fetchFrame(farm.url, job);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(job.frames[0]?.sha256);
    expect(bytes.toString("latin1")).toContain("Seed: 7");
    const difference = meanDifference(decodePng(bytes), await readPng(SUNRISE_EXPECTED));
    expect(difference).toBeLessThan(REFERENCE_DIFFERENCE_MAX);
  });

  it("gives the same bytes for the same job", async () => {
    const [first, second] = await Promise.all([runJob(farm.url, SUNRISE), runJob(farm.url, SUNRISE)]);
    expect(await fetchFrame(farm.url, first)).toEqual(await fetchFrame(farm.url, second));
  });

  it("draws frame i with seed + i, as a job of that seed alone would", async () => {
    const job = await runJob(farm.url, { ...SUNRISE, num_images: 3, seed: "18446744073709551613" });
    expect(job.frames.map((frame) => frame.seed)).toEqual([
      "18446744073709551613",
      "18446744073709551614",
      "18446744073709551615",
    ]);
    const alone = await runJob(farm.url, { ...SUNRISE, seed: "18446744073709551614" });
    const pictures = await Promise.all([fetchFrame(farm.url, job, 1), fetchFrame(farm.url, alone)]);
    const [inJob, single] = pictures.map(decodePng);
    if (inJob === undefined || single === undefined) throw new Error("two pictures were fetched");
    expect(meanDifference(inJob, single)).toBeLessThan(BATCH_DIFFERENCE_MAX);
  });

  it.each([
    ["jpeg", "image/jpeg", "ffd8ff"],
    ["webp", "image/webp", "52494646"],
  ])("writes %s", async (format, contentType, magic) => {
    const job = await runJob(farm.url, { ...SUNRISE, steps: 2, output_format: format });
    const response = await fetch(`${farm.url}/v1/jobs/${job.id}/frames/0`);
    expect(response.headers.get("content-type")).toBe(contentType);
    expect(Buffer.from(await response.arrayBuffer()).toString("hex")).toMatch(new RegExp(`^${magic}`));
  });
});

describe("GET /v1/jobs/{id}/events", () => {
  it("tells the whole story once, from the start and from the middle", async () => {
    const job = await submit(farm.url, { ...SUNRISE, num_images: 2 });
    const events = await readEvents(job, { farmUrl: farm.url });
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(events[0]?.type).toBe("job.queued");
    expect(events.at(-1)?.type).toBe("job.succeeded");
    expect(events.filter((event) => event.type === "frame.succeeded")).toHaveLength(2);
    expect(events.some((event) => event.type === "frame.progress")).toBe(true);
    // Previews leave the log when they are replaced and when the job ends; everything else stays.
    const rest = await readEvents(job, { farmUrl: farm.url, after: 2 });
    expect(rest).toEqual(events.filter((event) => event.id > 2 && event.type !== "frame.preview"));
  });
});

describe("POST /v1/jobs/{id}/cancel", () => {
  it("ends queued and running frames, and says the same when asked again", async () => {
    const job = await submit(farm.url, { ...SUNRISE, steps: 150, width: 192, height: 192, num_images: 32 });
    let canceled = false;
    const events = await readEvents(job, {
      farmUrl: farm.url,
      onEvent: async (event) => {
        if (canceled || event.type !== "frame.progress") return;
        canceled = true;
        expect((await post(`${farm.url}${new URL(job.urls.cancel, farm.url).pathname}`, {})).status).toBe(
          200,
        );
      },
    });
    expect(events.at(-1)?.type).toBe("job.canceled");
    const ended = await getJob(farm.url, job.id);
    expect(ended.status).toBe("canceled");
    expect(ended.frames.every((frame) => frame.status === "canceled" || frame.status === "succeeded")).toBe(
      true,
    );
    const again = await post(`${farm.url}/v1/jobs/${job.id}/cancel`, {});
    expect([again.status, ((await again.json()) as Job).status]).toEqual([200, "canceled"]);
  });
});

describe("the gateway", () => {
  it("says what is served and that it is well", async () => {
    const models = modelListSchema.parse(await (await fetch(`${farm.url}/v1/models`)).json());
    expect(models.models.map((model) => model.name)).toEqual(["postcards"]);
    expect((await fetch(`${farm.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${farm.url}/readyz`)).status).toBe(200);
  });

  it("documents every route that it serves", async () => {
    const document = (await (await fetch(`${farm.url}/openapi.json`)).json()) as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    const calls = Object.entries(document.paths).flatMap(([route, methods]) =>
      Object.keys(methods).map((method) => `${method} ${route}`),
    );
    expect(calls).toEqual(
      expect.arrayContaining([
        "post /v1/jobs",
        "get /v1/jobs/{id}",
        "post /v1/jobs/{id}/cancel",
        "get /v1/jobs/{id}/events",
        "get /v1/jobs/{id}/frames/{index}",
        "get /v1/models",
        "get /healthz",
        "get /readyz",
      ]),
    );
  });

  it("checks a request against the model that would draw it", async () => {
    const response = await post(`${farm.url}/v1/jobs`, {
      ...SUNRISE,
      width: 208,
      sampler: "nope",
      model: "postcards",
    });
    const problem = problemSchema.parse(await response.json());
    expect(response.status).toBe(422);
    expect(problem.errors?.map((error) => error.path).sort()).toEqual(["sampler", "width"]);
  });
});
