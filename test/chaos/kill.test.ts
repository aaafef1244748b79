import { afterEach, describe, expect, it, vi } from "vitest";
import {
  decodePng,
  fetchFrame,
  getJob,
  meanDifference,
  readEvents,
  runJob,
  startTestFarm,
  submit,
  type TestFarm,
} from "../harness/index.js";

/** Slow enough on two cores to be killed in the middle: the largest picture and the most steps of the demo model. */
const LONG = { prompt: "red city, black sky with stars", seed: 42, steps: 150, width: 192, height: 192 };
/** A frame that a crash interrupts is the same frame: what it may differ by, in units of 1 of 255. */
const DIFFERENCE_MAX = 1;
/** From the kill of a worker to the frame's start elsewhere: the promise of the issue. */
const RESTART_ELSEWHERE_MAX_MS = 20_000;

/** Each test starts processes and draws pictures on cores that other suites may share. */
vi.setConfig({ testTimeout: 120_000 });

let farm: TestFarm | undefined;

afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
  farm = undefined;
});

/** Runs the long job, calls `strike` at its first progress, and gives the events with the time each came. */
async function struckJob(on: TestFarm, strike: () => void | Promise<void>) {
  const job = await submit(on.url, LONG);
  const times: { readonly type: string; readonly attempt: number; readonly atMs: number }[] = [];
  let struckAtMs = 0;
  await readEvents(job, {
    farmUrl: on.url,
    onEvent: async (event) => {
      const attempt = "attempt" in event.data ? (event.data.attempt ?? 0) : 0;
      times.push({ type: event.type, attempt, atMs: performance.now() });
      if (struckAtMs > 0 || event.type !== "frame.progress") return;
      struckAtMs = Number.POSITIVE_INFINITY; // Struck once, even while the strike is under way.
      await strike();
      struckAtMs = performance.now();
    },
  });
  return { job: await getJob(on.url, job.id), times, struckAtMs };
}

describe("kill -9 of the engine in the middle of a frame", () => {
  it("ends the frame with the same picture, and the worker lives", async () => {
    farm = await startTestFarm();
    const [worker] = farm.workers;
    if (worker === undefined) throw new Error("the farm has one worker");
    const { job } = await struckJob(farm, () => {
      process.kill(worker.ready.enginePid, "SIGKILL");
    });
    expect(job.status).toBe("succeeded");
    expect(worker.child.exitCode).toBeNull();
    const undisturbed = await runJob(farm.url, LONG);
    const [a, b] = [await fetchFrame(farm.url, job), await fetchFrame(farm.url, undisturbed)].map(decodePng);
    if (a === undefined || b === undefined) throw new Error("two pictures were fetched");
    expect(meanDifference(a, b)).toBeLessThan(DIFFERENCE_MAX);
  });
});

describe("kill -9 of the worker in the middle of a frame", () => {
  it("starts the frame on another worker within 20 s, and publishes one result", async () => {
    farm = await startTestFarm();
    const { workers } = farm;
    const { job, times, struckAtMs } = await struckJob(farm, async () => {
      await farm?.startWorker(); // The frame is in the first worker's hands; the second waits idle.
      workers[0]?.child.kill("SIGKILL");
    });
    expect(job.status).toBe("succeeded");
    const restarted = times.find((event) => event.attempt > 1);
    expect(restarted, "the second attempt reports progress").toBeDefined();
    expect((restarted?.atMs ?? Number.POSITIVE_INFINITY) - struckAtMs).toBeLessThan(RESTART_ELSEWHERE_MAX_MS);
    expect(times.filter((event) => event.type === "frame.succeeded")).toHaveLength(1);
    expect(job.frames[0]).toMatchObject({
      status: "succeeded",
      attempt: 2,
      worker: workers[1]?.ready.workerId,
    });
  });

  it("goes on with the worker started again when there is no other", async () => {
    farm = await startTestFarm();
    const { workers } = farm;
    const { job } = await struckJob(farm, async () => {
      workers[0]?.child.kill("SIGKILL");
      await farm?.startWorker();
    });
    expect(job).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
  });
});

describe("Redis killed in the middle of a frame", () => {
  it("ends the frame after Redis has come back", async () => {
    farm = await startTestFarm();
    const { redis } = farm;
    const job = await submit(farm.url, LONG);
    await redis.kill();
    const refused = await fetch(`${farm.url}/v1/jobs/${job.id}`);
    expect([refused.status, refused.headers.has("retry-after")]).toEqual([503, true]);
    await redis.restart();
    await readEvents(job, { farmUrl: farm.url });
    expect((await getJob(farm.url, job.id)).status).toBe("succeeded");
  });
});
