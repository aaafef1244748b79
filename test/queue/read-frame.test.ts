import { FarmError, type JobId } from "@latentfarm/contract";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import { endOf, freshModel, newJob, resultOf, startQueueRedis } from "./farm-fixture.js";

let redis: RedisServer & AsyncDisposable;
let farm: Farm;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
});

afterAll(async () => {
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

/** Reads each frame of a job by itself, and all of them with the job. */
async function readBoth(id: JobId) {
  const job = await farm.getJob(id);
  if (job === undefined) throw new Error("the job is gone");
  const alone = await Promise.all(job.frames.map(({ index }) => farm.getFrame(id, index)));
  const { tenant } = job;
  return { alone, whole: job.frames.map((frame) => ({ tenant, frames: job.frames.length, frame })) };
}

describe("getFrame()", () => {
  it("gives what the whole job would, while it waits, when it is canceled and when it has ended", async () => {
    const model = freshModel();
    const { id } = await farm.submit(newJob(model, { num_images: 3 }));
    const waiting = await readBoth(id);
    expect(waiting.alone).toEqual(waiting.whole);
    const { id: canceled } = await farm.submit(newJob(freshModel(), { num_images: 2 }));
    await farm.cancel(canceled);
    const ended = await readBoth(canceled);
    expect(ended.alone).toEqual(ended.whole);
    await using _consumer = farm.consume({
      model,
      workerId: "w",
      concurrency: 1,
      process: async (frame) => {
        if (frame.index === 1) throw new FarmError("numeric_fault", "Cannot draw the frame");
        return resultOf(frame);
      },
    });
    await endOf(farm, id);
    const drawn = await readBoth(id);
    expect(drawn.alone).toEqual(drawn.whole);
    expect(drawn.alone.map((read) => read?.frame?.status)).toEqual(["succeeded", "failed", "succeeded"]);
  });

  it("tells a frame past the last one from a job that does not exist", async () => {
    const { id } = await farm.submit(newJob(freshModel()));
    expect(await farm.getFrame(id, 1)).toEqual({ tenant: "default", frames: 1, frame: undefined });
    expect(await farm.getFrame(newJob(freshModel()).id, 0)).toBeUndefined();
  });
});
