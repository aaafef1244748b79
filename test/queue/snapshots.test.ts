import { FarmError, type FrameResult } from "@latentfarm/contract";
import { connectQueue, type Farm, type FrameWork, SNAPSHOT_BYTES_MAX } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RedisServer } from "../harness/redis.js";
import {
  endOf,
  freshModel,
  newJob,
  resultOf,
  started,
  startQueueRedis,
  untilAborted,
} from "./farm-fixture.js";

/** Every byte there is: a script must not take them for text. */
const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

let redis: RedisServer & AsyncDisposable;
let farm: Farm;
let inspector: Redis;

beforeAll(async () => {
  redis = await startQueueRedis();
  farm = await connectQueue({ redisUrl: redis.url });
  inspector = new Redis(redis.url);
});

afterAll(async () => {
  inspector.disconnect();
  await farm[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function consume(model: string, process: (frame: FrameWork) => Promise<FrameResult>) {
  return farm.consume({ model, workerId: "w", concurrency: 1, process });
}

const snapshotsInRedis = () => inspector.keys("*:snapshot:*");

describe("FrameWork.saveSnapshot()", () => {
  it("is loaded by the attempt after an interrupted one, which begins at its step", async () => {
    const model = freshModel();
    const first = consume(model, async (frame) => {
      await frame.started();
      expect(await frame.loadSnapshot()).toBeUndefined();
      await frame.progress(1, 4);
      await frame.saveSnapshot(Uint8Array.of(1), 1);
      await untilAborted(frame.signal).catch(() => frame.saveSnapshot(BYTES, 3));
      throw frame.signal.reason;
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await first.drain(0);
    const between = await farm.getJob(job.id);
    expect(between).toMatchObject({ progress: { step: 3, steps: 4 }, frames: [{ status: "queued" }] });
    let loaded: Uint8Array | undefined;
    await using _second = consume(model, async (frame) => {
      loaded = await frame.loadSnapshot();
      return resultOf(frame);
    });
    expect(await endOf(farm, job.id)).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
    expect(new Uint8Array(loaded ?? [])).toEqual(BYTES);
    expect(await snapshotsInRedis()).toEqual([]);
  });

  it("is forgotten when the attempt fails by itself", async () => {
    const model = freshModel();
    const loaded: (Uint8Array | undefined)[] = [];
    await using _consumer = consume(model, async (frame) => {
      await frame.started();
      loaded.push(await frame.loadSnapshot());
      if (frame.attempt === 2) return resultOf(frame);
      await frame.saveSnapshot(BYTES, 2);
      throw new FarmError("engine_crashed", "Cannot finish the frame as the engine crashed with it");
    });
    const job = await farm.submit(newJob(model));
    expect((await endOf(farm, job.id)).status).toBe("succeeded");
    expect(loaded).toEqual([undefined, undefined]);
    expect(await snapshotsInRedis()).toEqual([]);
  });

  it("is forgotten when the job is canceled while the frame waits", async () => {
    const model = freshModel();
    const first = consume(model, async (frame) => {
      await frame.started();
      await frame.saveSnapshot(BYTES, 2);
      return untilAborted(frame.signal);
    });
    const job = await farm.submit(newJob(model));
    await started(farm, job.id);
    await first.drain(0);
    expect(await snapshotsInRedis()).toHaveLength(1);
    expect((await farm.cancel(job.id))?.status).toBe("canceled");
    expect(await snapshotsInRedis()).toEqual([]);
  });

  it("is not kept for a canceled attempt, and tells it so", async () => {
    const model = freshModel();
    let aborted: unknown;
    await using _consumer = consume(model, async (frame) => {
      await frame.started();
      await farm.cancel(frame.jobId);
      await frame.saveSnapshot(BYTES, 2);
      aborted = frame.signal.reason;
      throw frame.signal.reason;
    });
    const job = await farm.submit(newJob(model));
    expect((await endOf(farm, job.id)).status).toBe("canceled");
    expect(aborted).toMatchObject({ code: "canceled" });
    expect(await snapshotsInRedis()).toEqual([]);
  });

  it("takes the largest snapshot and refuses one byte more", async () => {
    const model = freshModel();
    let refusal: unknown;
    await using _consumer = consume(model, async (frame) => {
      await frame.started();
      await frame.saveSnapshot(new Uint8Array(SNAPSHOT_BYTES_MAX), 1);
      refusal = await frame.saveSnapshot(new Uint8Array(SNAPSHOT_BYTES_MAX + 1), 1).catch((error) => error);
      return resultOf(frame);
    });
    const job = await farm.submit(newJob(model));
    expect((await endOf(farm, job.id)).status).toBe("succeeded");
    expect(refusal).toBeInstanceOf(RangeError);
  });
});
