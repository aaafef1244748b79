import type { Job } from "@latentfarm/contract";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  decodePng,
  fetchFrame,
  meanDifference,
  runJob,
  startTestFarm,
  type TestFarm,
} from "../harness/index.js";

/** What batch mates may change in a picture: the promise of issue 3, in units of 1 of 255. */
const DIFFERENCE_MAX = 1;
const PROMPTS = [
  "a yellow sun over blue mountains under an orange sky",
  "white hills under a purple sky",
  "stars over green forest under a black sky",
  "a (red:1.3) sun on the left over orange sea under a pink sky",
] as const;
const SIZES = [
  [64, 64],
  [96, 64],
  [64, 96],
] as const;
const SAMPLERS = [
  "euler",
  "dpmpp_2m",
  "heun",
  "euler_ancestral",
  "dpmpp_2m_sde",
  "res_multistep",
  "dpm_2",
] as const;
const SCHEDULERS = ["normal", "sgm_uniform", "karras", "simple", "beta"] as const;
const GUIDANCE = [4.5, 1, 7, 2.5] as const;

/** The entry of a list that is walked round and round. */
function at<T>(list: readonly T[], index: number): T {
  const item = list[index % list.length];
  if (item === undefined) throw new Error("the list is empty");
  return item;
}

/** Sixteen frames in which size, steps, sampler, schedule, guidance, prompt and seed all differ. */
const FRAMES = Array.from({ length: 16 }, (_, i) => ({
  prompt: at(PROMPTS, i),
  negative_prompt: i % 3 === 0 ? "moon" : "",
  seed: 100 + 7 * i,
  width: at(SIZES, i)[0],
  height: at(SIZES, i)[1],
  steps: 5 + ((i * 3) % 11),
  sampler: at(SAMPLERS, i),
  scheduler: at(SCHEDULERS, i),
  guidance_scale: at(GUIDANCE, i),
}));

let farm: TestFarm;

beforeAll(async () => {
  farm = await startTestFarm();
});
afterAll(async () => {
  await farm[Symbol.asyncDispose]();
});

describe("sixteen mixed frames in one farm", () => {
  let together: readonly Job[];

  beforeAll(async () => {
    together = await Promise.all(FRAMES.map((body) => runJob(farm.url, body)));
  });

  it.each(
    FRAMES.map(
      (body, i) => [i, `${body.sampler} ${body.scheduler} ${body.width}x${body.height}`, body] as const,
    ),
  )("frame %i, %s: the picture is that of the frame alone", async (i, _, body) => {
    const mixed = together[i];
    if (mixed === undefined) throw new Error("sixteen jobs were run");
    expect(mixed.status).toBe("succeeded");
    const alone = await runJob(farm.url, body);
    const pictures = [await fetchFrame(farm.url, mixed), await fetchFrame(farm.url, alone)].map(decodePng);
    const [a, b] = pictures;
    if (a === undefined || b === undefined) throw new Error("two pictures were fetched");
    expect(meanDifference(a, b)).toBeLessThan(DIFFERENCE_MAX);
  });
});
