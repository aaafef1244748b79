import { readFile } from "node:fs/promises";
import path from "node:path";
import { problemSchema } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodePng,
  fetchFrame,
  meanDifference,
  post,
  REPOSITORY_ROOT,
  runJob,
  startTestFarm,
  type TestFarm,
} from "../harness/index.js";

const POSTCARD = await readFile(path.join(REPOSITORY_ROOT, "packages/demo-model/expected/00.png"));
const IMAGE = POSTCARD.toString("base64");
const CITY = { prompt: "a red city under a black sky with stars", seed: 11 };
const SUNRISE = { prompt: "a yellow sun over blue mountains under an orange sky", seed: 7 };
/** What batch mates may change in a picture, in units of 1 of 255. */
const BATCH_DIFFERENCE_MAX = 1;

let farm: TestFarm;

beforeAll(async () => {
  farm = await startTestFarm();
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
});

async function draw(body: object): Promise<Buffer> {
  return fetchFrame(farm.url, await runJob(farm.url, body));
}

async function differenceFrom(expected: Buffer, body: object): Promise<number> {
  return meanDifference(decodePng(await draw(body)), decodePng(expected));
}

describe("POST /v1/jobs with an image", () => {
  it("keeps the image at little strength and leaves it behind at much", async () => {
    const body = { ...CITY, image: IMAGE };
    const [little, much] = await Promise.all([
      differenceFrom(POSTCARD, { ...body, strength: 0.05 }),
      differenceFrom(POSTCARD, { ...body, strength: 0.9 }),
    ]);
    expect(little).toBeLessThan(10);
    expect(much).toBeGreaterThan(50);
  });

  it("draws at strength 1 what it draws from the text alone", async () => {
    const plain = await draw(CITY);
    expect(await differenceFrom(plain, { ...CITY, image: IMAGE, strength: 1 })).toBeLessThan(
      BATCH_DIFFERENCE_MAX,
    );
  });

  it("draws each frame of a job from the image and writes the strength into it", async () => {
    const job = await runJob(farm.url, { ...CITY, image: IMAGE, strength: 0.05, num_images: 2 });
    for (const index of [0, 1]) {
      const bytes = await fetchFrame(farm.url, job, index);
      expect(bytes.toString("latin1")).toContain("Denoising strength: 0.05");
      expect(meanDifference(decodePng(bytes), decodePng(POSTCARD))).toBeLessThan(10);
    }
    expect(job.params.init_image).toMatchObject({ strength: 0.05 });
  });

  it("refuses skip-layer guidance for a model that does not offer it", async () => {
    const response = await post(`${farm.url}/v1/jobs`, { ...CITY, skip_layer_guidance: {} });
    const problem = problemSchema.parse(await response.json());
    expect(problem.errors).toMatchObject([{ path: "skip_layer_guidance" }]);
  });
});

describe("POST /v1/jobs with prompt weights", () => {
  it("draws the same picture when every weight is 1, and another for other weights", async () => {
    const plain = await draw(SUNRISE);
    const ones = { ...SUNRISE, prompt: "a (yellow:1.0) sun over blue mountains under an (orange sky:1)" };
    expect(await differenceFrom(plain, ones)).toBeLessThan(BATCH_DIFFERENCE_MAX);
    const weighted = { ...SUNRISE, prompt: "a yellow sun over (blue:0) mountains under an orange sky" };
    const job = await runJob(farm.url, weighted);
    expect(job.frames[0]?.notes).toEqual([]);
    const picture = decodePng(await fetchFrame(farm.url, job));
    expect(meanDifference(picture, decodePng(plain))).toBeGreaterThan(BATCH_DIFFERENCE_MAX);
  });
});
