import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { STOP_SECONDS_COURIER, STOP_SECONDS_GATEWAY, STOP_SECONDS_WORKER } from "@latentfarm/contract";
import { describe, expect, it } from "vitest";
import {
  freePort,
  getJob,
  post,
  REPOSITORY_ROOT,
  type RedisServer,
  startProcess,
  startRedis,
  startTestFarm,
  submit,
} from "../harness/index.js";

/** The share of a stated time that a stop may take here: the rest is for a machine under load. */
const SHARE_MAX = 2 / 3;
const MS_PER_SECOND = 1_000;
const LONG_JOB = { prompt: "a yellow sun", seed: 1, steps: 150, width: 96, height: 96 };

/** Milliseconds from SIGTERM to the end. */
async function stopTime(child: ChildProcess): Promise<number> {
  const begin = performance.now();
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  return performance.now() - begin;
}

/** A Redis in a folder of its own that freezes and thaws for its end. */
async function useRedis(): Promise<{ redis: RedisServer; dir: string } & AsyncDisposable> {
  const dir = await mkdtemp(path.join(tmpdir(), "latentfarm-stop-"));
  const redis = await startRedis({ dir: path.join(dir, "redis"), aof: false });
  return {
    redis,
    dir,
    async [Symbol.asyncDispose]() {
      redis.resume();
      await redis.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A gateway beside those of a farm, on a free port. */
function startGateway(env: { readonly FARM_DATA: string } & Readonly<Record<string, string>>) {
  const logFile = path.join(env.FARM_DATA, "logs", "own-gateway.log");
  const options = { module: "apps/gateway/dist/main.js", env: { ...env, FARM_PORT: "0" }, logFile };
  return startProcess(options, (message) => String(message.url));
}

const probe = async (url: string, name: string): Promise<{ status: number; text: string }> => {
  const answer = await fetch(`${url}/${name}`);
  return { status: answer.status, text: (await answer.text()).trim() };
};

/** Whether a child has begun its own program: between fork and exec it has its parent's command line. */
async function isOfOwn(child: number, parent: number): Promise<boolean> {
  const [own, parents] = await Promise.all(
    [child, parent].map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return own !== "" && own !== parents;
}

/** The first process that a process has started, once there is one. */
async function firstChild(pid: number): Promise<number> {
  for (;;) {
    // Throws once the process is gone.
    const tasks = await readdir(`/proc/${pid}/task`);
    for (const task of tasks) {
      const children = await readFile(`/proc/${pid}/task/${task}/children`, "utf8").catch(() => "");
      const [child] = children.trim().split(" ").filter(Boolean);
      // Until it is a program of its own, whoever stops it stops its parent too, which waits for that.
      if (child !== undefined && (await isOfOwn(Number(child), pid))) return Number(child);
    }
    await delay(5);
  }
}

it("a worker tells a model that loads from a process that hangs, and ends at once when it is told to stop then", async () => {
  await using farm = await useRedis();
  const port = await freePort();
  const worker = fork(path.join(REPOSITORY_ROOT, "apps/worker/dist/main.js"), [], {
    env: {
      PATH: process.env.PATH ?? "",
      FARM_REDIS_URL: farm.redis.url,
      FARM_DATA: farm.dir,
      FARM_METRICS_PORT: String(port),
      FARM_DEVICE: "cpu",
    },
    execArgv: [],
    silent: true,
  });
  const engine = await firstChild(worker.pid ?? 0);
  // From now on its model loads for ever.
  process.kill(engine, "SIGSTOP");
  const url = `http://127.0.0.1:${port}`;
  await expect.poll(() => probe(url, "healthz").catch(() => undefined)).toMatchObject({ status: 200 });
  expect(await probe(url, "readyz")).toEqual({ status: 503, text: "the model loads" });
  expect((await probe(url, "metrics")).text).toContain("process_resident_memory_bytes");
  expect(await stopTime(worker)).toBeLessThan(5 * MS_PER_SECOND);
  expect(worker.exitCode).toBe(0);
  await expect.poll(() => readFile(`/proc/${engine}/stat`, "utf8").catch(() => "gone")).toBe("gone");
});

it("a worker that drains is unready at once and tells its metrics to the end", async () => {
  const port = await freePort();
  await using farm = await startTestFarm({
    env: { FARM_METRICS_PORT: String(port), FARM_DRAIN_SECONDS: "3", FARM_ENGINE_THREADS: "1" },
  });
  const url = `http://127.0.0.1:${port}`;
  expect(await probe(url, "readyz")).toMatchObject({ status: 200 });
  // Some minutes of work.
  const job = await submit(farm.url, { ...LONG_JOB, num_images: 16, sampler: "heun" });
  await expect.poll(async () => (await getJob(farm.url, job.id)).status, { timeout: 20_000 }).toBe("running");
  const child = farm.workers[0]?.child;
  if (child === undefined) throw new Error("there is no worker");
  const stopping = stopTime(child);
  await expect.poll(() => probe(url, "readyz")).toEqual({ status: 503, text: "the worker drains" });
  let [answers, isEnded] = [0, false];
  void stopping.then(() => {
    isEnded = true;
  });
  while (!isEnded) {
    const { status } = await probe(url, "metrics").catch(() => ({ status: 0 }));
    if (status === 200) answers++;
    else break;
    await delay(50);
  }
  // The server is the last to go.
  const leftMs = performance.now();
  await stopping;
  expect(performance.now() - leftMs).toBeLessThan(MS_PER_SECOND);
  expect(answers).toBeGreaterThan(20);
});

it("a gateway that leaves still takes requests, then ends streams and waits in its time", async () => {
  const lameDuckSeconds = 2;
  await using farm = await startTestFarm({ env: { FARM_DRAIN_SECONDS: "0" } });
  const env = { FARM_REDIS_URL: farm.redis.url, FARM_DATA: farm.dataDir };
  const gateway = await startGateway({ ...env, FARM_LAME_DUCK_SECONDS: String(lameDuckSeconds) });
  const url = gateway.ready;
  const body = { ...LONG_JOB, num_images: 16 };
  const job = await submit(url, body);
  const stream = await fetch(new URL(job.urls.events, url));
  const waiting = post(`${url}/v1/jobs`, { ...body, seed: 2 }, { prefer: "wait=30" });
  const streamed = stream.text();
  const stopping = stopTime(gateway.child);
  await expect.poll(() => probe(url, "readyz")).toMatchObject({ status: 503 });
  const late = await post(`${url}/v1/jobs`, { ...body, seed: 3 });
  expect([late.status, late.headers.get("connection")]).toEqual([202, "close"]);
  // All three end in order, not by a cut.
  expect(await streamed).toContain("event: job.queued");
  expect(await streamed).toMatch(/^retry: \d+\n/);
  expect((await waiting).status).toBe(202);
  const seconds = (await stopping) / MS_PER_SECOND;
  expect(seconds).toBeGreaterThanOrEqual(lameDuckSeconds);
  expect(seconds).toBeLessThan(lameDuckSeconds + 3);
  expect(gateway.child.exitCode).toBe(0);
});

// Side by side: each waits for what does not come.
describe.concurrent("the longest stop", () => {
  it("a worker ends in its time although its engine and Redis hang", async () => {
    const drainSeconds = 1;
    await using farm = await startTestFarm({ env: { FARM_DRAIN_SECONDS: String(drainSeconds) } });
    const job = await submit(farm.url, { ...LONG_JOB, num_images: 8 });
    await expect
      .poll(async () => (await getJob(farm.url, job.id)).status, { timeout: 20_000 })
      .toBe("running");
    const [worker] = farm.workers;
    if (worker === undefined) throw new Error("there is no worker");
    process.kill(worker.ready.enginePid, "SIGSTOP");
    farm.redis.pause();
    try {
      const seconds = (await stopTime(worker.child)) / MS_PER_SECOND;
      expect(seconds).toBeLessThan(drainSeconds + STOP_SECONDS_WORKER * SHARE_MAX);
      expect(seconds).toBeGreaterThan(drainSeconds);
    } finally {
      farm.redis.resume();
    }
  }, 60_000);

  it("a gateway ends in its time although Redis hangs and a client never reads its answer", async () => {
    await using own = await useRedis();
    const gateway = await startGateway({ FARM_REDIS_URL: own.redis.url, FARM_DATA: own.dir });
    const waiting = post(`${gateway.ready}/v1/jobs`, { prompt: "a sun", seed: 1 }, { prefer: "wait=60" });
    // A body that never comes to its end.
    const stuck = fetch(`${gateway.ready}/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from("{")) }),
      duplex: "half",
    }).catch((error: unknown) => error);
    await delay(300);
    own.redis.pause();
    const seconds = (await stopTime(gateway.child)) / MS_PER_SECOND;
    expect(seconds).toBeLessThan(STOP_SECONDS_GATEWAY * SHARE_MAX);
    await Promise.allSettled([waiting, stuck]);
  }, 60_000);

  it("a courier ends in its time although a receiver and Redis hang", async () => {
    const receiver = createServer(() => undefined);
    receiver.listen(0, "127.0.0.1");
    await once(receiver, "listening");
    const address = receiver.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    await using farm = await startTestFarm({ env: { FARM_WEBHOOK_LOOPBACK: "1" } });
    const courier = await farm.startCourier();
    await submit(farm.url, {
      ...LONG_JOB,
      steps: 1,
      webhook: { url: `http://127.0.0.1:${port}/hook`, events: ["job.succeeded"] },
    });
    await once(receiver, "request");
    farm.redis.pause();
    try {
      const seconds = (await stopTime(courier.child)) / MS_PER_SECOND;
      expect(seconds).toBeLessThan(STOP_SECONDS_COURIER * SHARE_MAX);
    } finally {
      farm.redis.resume();
      receiver.close();
      receiver.closeAllConnections();
    }
  }, 60_000);
});
