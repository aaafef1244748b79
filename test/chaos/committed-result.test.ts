import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { statsSchema } from "@latentfarm/contract";
import { afterEach, expect, it } from "vitest";
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

let farm: TestFarm | undefined;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  farm = undefined;
  proxy = undefined;
});

/** A farm whose one worker reaches Redis through the proxy. */
async function startProxiedFarm(): Promise<{ readonly on: TestFarm; readonly way: TcpProxy }> {
  farm = await startTestFarm({ workers: 0 });
  proxy = await startTcpProxy(Number(new URL(farm.redis.url).port));
  await farm.startWorker({ FARM_REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
  return { on: farm, way: proxy };
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
  const isThere = () => stat(picture).then(Boolean, () => false);
  await expect.poll(isThere, { timeout: 20_000, interval: 10 }).toBe(true);
  expect(wasCut).toBe(true);
  return { job, events };
}

async function linesOf(on: TestFarm, worker: number, message: string): Promise<number> {
  const log = await readFile(path.join(on.dataDir, "logs", `worker-${worker}.log`), "utf8");
  return log.split("\n").filter((line) => line.includes(`"${message}"`)).length;
}

it(
  "a worker killed between storing and committing: the next attempt finds the picture and draws nothing",
  async () => {
    const { on, way } = await startProxiedFarm();
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

it(
  "a commit whose answer is lost: one result, told once and drawn once",
  async () => {
    const { on, way } = await startProxiedFarm();
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

it(
  "an attempt that was cut off for longer than its lock: a later one ends the frame, and the first is refused and counted",
  async () => {
    const { on, way } = await startProxiedFarm();
    const { job, events } = await storedBehind(on, () => way.set("requests", { mode: "hold" }));
    await on.startWorker();
    const log = await events;
    expect(log.at(-1)?.type).toBe("job.succeeded");
    const ended = await getJob(on.url, job.id);
    way.heal();
    // What the first attempt had to say arrives now: its late commit, in the least.
    await expect.poll(() => supersededWords(on), { timeout: 20_000 }).toBeGreaterThan(0);
    expect(await getJob(on.url, job.id)).toEqual(ended);
    expect(await readEvents(job, { farmUrl: on.url })).toEqual(log);
    expect(ended).toMatchObject({ status: "succeeded", frames: [{ attempt: 2 }] });
  },
  TIMEOUT_MS,
);

async function supersededWords(on: TestFarm): Promise<number> {
  const stats = statsSchema.parse(await (await fetch(`${on.url}/v1/stats`)).json());
  return stats.counters.attempts_superseded;
}
