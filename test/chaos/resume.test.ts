import { createServer } from "node:http";
import type { Job, WireEvent } from "@latentfarm/contract";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  getJob,
  readEvents,
  runJob,
  startTestFarm,
  submit,
  type TestFarm,
  type WorkerProcess,
} from "../harness/index.js";

/** Long enough to leave snapshots behind and to be struck several times: a snapshot comes every half second at most. */
const STEPS = 150;
const LONG = { prompt: "red city, black sky with stars", seed: 42, steps: STEPS, width: 192, height: 192 };
/** Steps of an attempt before it is struck: some half a second at the least, so that a snapshot was due. */
const STEPS_BEFORE_STRIKE = 60;
/** Tries that the queue gives a frame; drains are none. */
const TRIES_MAX = 3;

/** Each test starts processes and draws pictures on cores that other suites may share. */
vi.setConfig({ testTimeout: 120_000 });

let farm: TestFarm | undefined;
const closers: (() => void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await farm?.[Symbol.asyncDispose]();
  farm = undefined;
});

type Progress = Extract<WireEvent, { type: "frame.progress" }>["data"];

/** Runs the long job and calls `onProgress` with each of its progress events; gives the ended job and the events. */
async function followJob(on: TestFarm, onProgress: (progress: Progress) => void | Promise<void>) {
  const job = await submit(on.url, LONG);
  const progress: Progress[] = [];
  await readEvents(job, {
    farmUrl: on.url,
    onEvent: async (event) => {
      if (event.type !== "frame.progress") return;
      progress.push(event.data);
      await onProgress(event.data);
    },
  });
  return { job: await getJob(on.url, job.id), progress };
}

/** Expects the picture that the same job gives when nothing happens to it, to the last byte. */
async function expectUndisturbed(on: TestFarm, struck: Job): Promise<void> {
  const undisturbed = await runJob(on.url, LONG);
  expect(undisturbed.frames[0]?.resumed_from_step).toBe(0);
  expect(struck.frames[0]?.sha256).toBe(undisturbed.frames[0]?.sha256);
}

function firstStep(progress: readonly Progress[], attempt: number): number {
  return progress.find((told) => told.attempt === attempt)?.step ?? 0;
}

/** A stand-in for a machine's metadata service that gives notice once it is told to. */
async function startMetadata(): Promise<{ readonly url: string; giveNotice(): void }> {
  let noticed = false;
  const server = createServer((request, response) => {
    if (request.method === "PUT") return void response.end("token");
    response.statusCode = noticed ? 200 : 404;
    response.end(noticed ? JSON.stringify({ action: "terminate", time: "2026-11-22T12:02:00Z" }) : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the stand-in listens on a port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    giveNotice: () => {
      noticed = true;
    },
  };
}

describe("a frame goes on from its snapshot", () => {
  it("in the same attempt after kill -9 of the engine", async () => {
    farm = await startTestFarm();
    const [worker] = farm.workers;
    let struck = false;
    const { job } = await followJob(farm, ({ step }) => {
      if (struck || step < STEPS_BEFORE_STRIKE || worker === undefined) return;
      struck = process.kill(worker.ready.enginePid, "SIGKILL");
    });
    expect(struck).toBe(true);
    expect(job).toMatchObject({ status: "succeeded", frames: [{ attempt: 1 }] });
    expect(job.frames[0]?.resumed_from_step).toBeGreaterThan(0);
    await expectUndisturbed(farm, job);
  });

  it("on another worker after kill -9 of the first", async () => {
    farm = await startTestFarm();
    const { workers } = farm;
    let struck = false;
    const { job, progress } = await followJob(farm, async ({ step }) => {
      if (struck || step < STEPS_BEFORE_STRIKE) return;
      struck = true;
      workers[0]?.child.kill("SIGKILL");
      await farm?.startWorker();
    });
    expect(job).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
    const resumedFrom = job.frames[0]?.resumed_from_step ?? 0;
    expect(resumedFrom).toBeGreaterThan(0);
    expect(firstStep(progress, 2)).toBeGreaterThanOrEqual(resumedFrom);
    await expectUndisturbed(farm, job);
  });

  it("however often its worker is told to stop, and each worker exits 0", async () => {
    const env = { FARM_DRAIN_SECONDS: "0" };
    farm = await startTestFarm({ env });
    const stopped: WorkerProcess[] = [];
    const { job, progress } = await followJob(farm, async ({ attempt, step }) => {
      const worker = farm?.workers.at(-1);
      if (attempt > TRIES_MAX || attempt <= stopped.length || worker === undefined) return;
      if (step < attempt * 20) return;
      stopped.push(worker);
      worker.child.kill("SIGTERM");
      expect(await worker.exited).toEqual({ code: 0, signal: null });
      await farm?.startWorker();
    });
    expect(stopped).toHaveLength(TRIES_MAX);
    expect(job).toMatchObject({ status: "succeeded", frames: [{ attempt: TRIES_MAX + 1 }] });
    for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
      const reached = Math.max(
        ...progress.filter((told) => told.attempt === attempt).map(({ step }) => step),
      );
      expect(firstStep(progress, attempt + 1), "no step is drawn twice").toBeGreaterThanOrEqual(reached);
    }
    await expectUndisturbed(farm, job);
  });

  it("elsewhere when AWS takes the spot machine back", async () => {
    const metadata = await startMetadata();
    const spot = { FARM_SPOT: "aws", FARM_SPOT_METADATA_URL: metadata.url, FARM_DRAIN_SECONDS: "0" };
    farm = await startTestFarm({ workers: 0 });
    const first = await farm.startWorker(spot);
    let noticed = false;
    const long = { ...LONG, num_images: 4 };
    const job = await submit(farm.url, long);
    await readEvents(job, {
      farmUrl: farm.url,
      onEvent: async (event) => {
        if (noticed || event.type !== "frame.progress" || event.data.step < 20) return;
        noticed = true;
        metadata.giveNotice();
        expect(await first.exited).toEqual({ code: 0, signal: null });
        await farm?.startWorker();
      },
    });
    const ended = await getJob(farm.url, job.id);
    expect(ended.status).toBe("succeeded");
    expect(ended.frames.filter((frame) => (frame.resumed_from_step ?? 0) > 0)).not.toEqual([]);
  });
});
