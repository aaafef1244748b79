import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getJob, post, readEvents, startTestFarm, submit, type TestFarm } from "../harness/index.js";

/** Long enough to be struck in the middle: some seconds of the demo model. */
const JOB = { prompt: "a yellow sun", seed: 1, steps: 120, width: 128, height: 128, num_images: 2 };
const SMALL = { prompt: "a red moon", seed: 2, steps: 2, width: 64, height: 64 };

/** Milliseconds within which a change of Redis's room is noticed: a round of the keeper and what it then promises. */
const NOTICED_MS = 15_000;
/** Milliseconds that an answer may take while Redis refuses. */
const ANSWER_MS_MAX = 2_500;
/** Milliseconds that Redis is without any room: longer than a round of anything, shorter than a lock. */
const FULL_MS = 4_000;

const BALLAST_BYTES = 64 * 1024 * 1024;

let farm: TestFarm;
let redis: Redis;

beforeAll(async () => {
  farm = await startTestFarm();
  redis = new Redis(farm.redis.url);
  // As much as a farm of many jobs holds, so that the last 15% are room for the ends of some.
  await redis.setrange("ballast", BALLAST_BYTES, "x");
});
afterAll(async () => {
  redis?.disconnect();
  await farm?.[Symbol.asyncDispose]();
});

/** Gives Redis room for so many times what it holds; 0 for no limit. */
async function setRoom(times: number): Promise<void> {
  const used = Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1]);
  await redis.config("SET", "maxmemory", String(Math.round(used * times)));
}

/** How a submit is answered now; `code` is a problem's. */
async function answerOf(job: unknown) {
  const begun = performance.now();
  const response = await post(`${farm.url}/v1/jobs`, job);
  const body: unknown = await response.json();
  return {
    status: response.status,
    code: typeof body === "object" && body !== null && "code" in body ? body.code : undefined,
    retryAfter: response.headers.get("retry-after"),
    ms: performance.now() - begun,
  };
}

async function begunJob() {
  const job = await submit(farm.url, JOB);
  await expect
    .poll(async () => (await getJob(farm.url, job.id)).progress.step, { timeout: 20_000 })
    .not.toBe(0);
  return job;
}

/** That the job ends with every picture, and none of its frames has burned a try. */
async function expectDrawn(job: Awaited<ReturnType<typeof submit>>): Promise<void> {
  await readEvents(job, { farmUrl: farm.url });
  const ended = await getJob(farm.url, job.id);
  expect(ended).toMatchObject({ status: "succeeded", error: null });
  for (const { index } of ended.frames)
    expect((await fetch(`${farm.url}/v1/jobs/${job.id}/frames/${index}`)).status).toBe(200);
}

/** That the farm takes a job in again, and draws it. */
async function expectOpen(): Promise<void> {
  await expect.poll(async () => (await answerOf(SMALL)).status, { timeout: NOTICED_MS }).toBe(202);
  await expectDrawn(await submit(farm.url, SMALL));
}

describe("a Redis that runs out of room", () => {
  it("takes no job in from 85% on, finishes those that it has, and opens again", async () => {
    const job = await begunJob();
    await setRoom(1 / 0.9);
    await expect
      .poll(() => answerOf(SMALL), { timeout: NOTICED_MS })
      .toMatchObject({
        status: 503,
        code: "overloaded",
        retryAfter: expect.stringMatching(/^[1-9]/),
      });
    await expectDrawn(job);
    expect(await answerOf(SMALL)).toMatchObject({ status: 503, code: "overloaded" });
    await setRoom(0);
    await expectOpen();
  }, 120_000);

  it("says that it refuses when there is none left, loses no frame by it, and goes on", async () => {
    const job = await begunJob();
    await setRoom(0.5);
    const until = performance.now() + FULL_MS;
    while (performance.now() < until) {
      const answer = await answerOf(SMALL);
      expect(answer).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]/) });
      expect(["queue_unavailable", "overloaded"]).toContain(answer.code);
      expect(answer.ms).toBeLessThan(ANSWER_MS_MAX);
    }
    // What was taken in can still be read.
    expect((await getJob(farm.url, job.id)).status).toBe("running");
    await setRoom(0);
    await expectDrawn(job);
    await expectOpen();
  }, 120_000);
});
