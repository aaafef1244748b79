import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { statsSchema, type WireEvent } from "@latentfarm/contract";
import { expect, it, vi } from "vitest";
import {
  decodePng,
  fetchFrame,
  getJob,
  meanDifference,
  readEvents,
  runJob,
  startTcpProxy,
  startTestFarm,
  submit,
  type TcpProxy,
  type TestFarm,
} from "../harness/index.js";

/** Long enough to be caught while it is drawn, short enough to be stored before its lock of 10 s is lost. */
const JOB = { prompt: "red city, black sky with stars", seed: 42, steps: 20, width: 128, height: 128 };
/** A frame that was taken over is the same frame, in units of 1 of 255. */
const DIFFERENCE_MAX = 1;

/** Milliseconds that a worker hears nothing after it has stored the picture: an unanswered call of it ends after 5 s. */
const DEAF_MS = 8_000;
/** Starts, one lost lock and some steps on two cores that other suites may share. */
const TIMEOUT_MS = 90_000;

/** A farm whose one worker reaches Redis through the proxy. */
async function startProxiedFarm(): Promise<
  { readonly on: TestFarm; readonly way: TcpProxy } & AsyncDisposable
> {
  const on = await startTestFarm({ workers: 0 });
  const way = await startTcpProxy(Number(new URL(on.redis.url).port));
  await on.startWorker({ FARM_REDIS_URL: `redis://127.0.0.1:${way.port}` });
  return {
    ...{ on, way },
    async [Symbol.asyncDispose]() {
      way.heal(); // A worker that hears nothing would end only when it is killed.
      await on[Symbol.asyncDispose]();
      await way[Symbol.asyncDispose]();
    },
  };
}

/** Submits the job, calls `cut` at its first progress, and resolves once its picture is in the store. */
async function storedBehind(on: TestFarm, cut: () => void) {
  const job = await submit(on.url, JOB);
  let wasCut = false;
  const events = readEvents(job, {
    farmUrl: on.url,
    onEvent: ({ type }) => {
      if (wasCut || type !== "frame.progress") return;
      wasCut = true;
      cut();
    },
  });
  const picture = path.join(on.dataDir, "results", "jobs", job.id, "0.png");
  await vi.waitFor(() => stat(picture), { timeout: 30_000, interval: 10 });
  expect(wasCut).toBe(true);
  return { job, events };
}

async function linesOf(on: TestFarm, worker: number, message: string): Promise<number> {
  const log = await readFile(path.join(on.dataDir, "logs", `worker-${worker}.log`), "utf8");
  return log.split("\n").filter((line) => line.includes(`"${message}"`)).length;
}

it.concurrent(
  "a worker killed between storing and committing: the next attempt finds the picture and draws nothing",
  async () => {
    await using farm = await startProxiedFarm();
    const { on, way } = farm;
    const { job, events } = await storedBehind(on, () => way.set("requests", { mode: "hold" }));
    expect((await getJob(on.url, job.id)).frames[0]?.status).toBe("running");
    on.workers[0]?.child.kill("SIGKILL");
    await on.startWorker();
    const log = await events;
    const ended = await getJob(on.url, job.id);
    expect(ended).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
    expect(await linesOf(on, 1, "frame found in the store")).toBe(1);
    expect(await linesOf(on, 1, "frame finished")).toBe(0);
    expect(log.filter(({ type }) => type === "frame.succeeded")).toHaveLength(1);
    const undisturbed = await runJob(on.url, JOB);
    const [struck, right] = [await fetchFrame(on.url, ended), await fetchFrame(on.url, undisturbed)].map(
      decodePng,
    );
    if (struck === undefined || right === undefined) throw new Error("two pictures were fetched");
    expect(meanDifference(struck, right)).toBeLessThan(DIFFERENCE_MAX);
  },
  TIMEOUT_MS,
);

it.concurrent(
  "a commit whose answer is lost: one result, told once and drawn once",
  async () => {
    await using farm = await startProxiedFarm();
    const { on, way } = farm;
    await runJob(on.url, JOB); // Redis knows every script then: none is refused first, and sent again.
    const { job, events } = await storedBehind(on, () => way.set("answers", { mode: "drop" }));
    // Mostly the commit is done by then. On a slow machine the deaf worker lost its lock before it: then a second
    // attempt finds the picture.
    await Promise.race([events, delay(DEAF_MS)]);
    way.reset();
    way.heal();
    const log = await events;
    expect(log.filter(({ type }) => type === "frame.succeeded")).toHaveLength(1);
    expect(log.at(-1)?.type).toBe("job.succeeded");
    expect((await runJob(on.url, JOB)).status).toBe("succeeded");
    expect((await getJob(on.url, job.id)).status).toBe("succeeded");
    expect(await linesOf(on, 0, "frame finished"), "one line for each of three jobs").toBe(3);
  },
  TIMEOUT_MS,
);

it.concurrent(
  "an attempt that was cut off for longer than its lock: a later one ends the frame, and the first is refused and counted",
  async () => {
    await using farm = await startProxiedFarm();
    const { on, way } = farm;
    const { job, events } = await storedBehind(on, () => way.set("requests", { mode: "hold" }));
    await on.startWorker();
    const log = await events;
    expect(log.at(-1)?.type).toBe("job.succeeded");
    const ended = await getJob(on.url, job.id);
    way.heal();
    // What the first attempt had to say arrives now: its late commit, in the least.
    await vi.waitFor(async () => expect(await supersededWords(on)).toBeGreaterThan(0), { timeout: 20_000 });
    expect(await getJob(on.url, job.id)).toEqual(ended);
    const isKept = ({ type }: WireEvent) => type !== "frame.preview"; // Those of an ended frame are dropped.
    expect((await readEvents(job, { farmUrl: on.url })).filter(isKept)).toEqual(log.filter(isKept));
    expect(ended).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
  },
  TIMEOUT_MS,
);

async function supersededWords(on: TestFarm): Promise<number> {
  const stats = statsSchema.parse(await (await fetch(`${on.url}/v1/stats`)).json());
  return stats.counters.attempts_superseded;
}
