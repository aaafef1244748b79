import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FarmError, type ModelInfo, modelListSchema } from "@latentfarm/contract";
import { SNAPSHOT_MS_MIN } from "@latentfarm/engine";
import { connectQueue } from "@latentfarm/queue";
import { Redis } from "ioredis";
import { startWebhookReceiver } from "../e2e/webhook-receiver.js";
import { freePort, getJob, post, runJob, startTestFarm, submit, type TestFarm } from "../harness/index.js";
import type { Targets } from "./prometheus-server.js";

/** Redis has a limit, so that the share in use is a number. */
const REDIS_BYTES_MAX = String(512 * 1024 ** 2);

const SMALL = { model: "postcards", prompt: "a red sun", width: 64, height: 64, steps: 8, seed: "1" };
/** Long enough that its engine can be killed in the middle of it, after its first snapshot. */
const LONG = { ...SMALL, width: 192, height: 192, steps: 150, num_images: 4 };

/** Snapshots that the long frame has left when its engine is killed. */
const SNAPSHOTS = 2;
const POLL_MS = 50;
/** Milliseconds until the long frame has made a step, and until it has ended, on two busy cores. */
const GET_ON_MS_MAX = 30_000;
const END_MS_MAX = 120_000;

/** A farm whose every process tells metrics. */
export interface ObservedFarm extends AsyncDisposable {
  readonly farm: TestFarm;
  readonly targets: Targets;
  /** Puts every kind of work and fault on it: pictures, failures, cancels, crashes, webhooks that fail. */
  load(): Promise<void>;
}

/** Starts gateway, worker and courier with metrics, and beside the worker a stand-in for nvidia-smi. */
export async function startObservedFarm(): Promise<ObservedFarm> {
  const [workerPort, courierPort] = [await freePort(), await freePort()];
  const farm = await startTestFarm({
    workers: 0,
    env: { FARM_WEBHOOK_LOOPBACK: "1", FARM_WEBHOOK_RETRY_SECONDS: "1", FARM_SNAPSHOT_STEPS: "1" },
  });
  const tools = await writeNvidiaSmi(farm.dataDir);
  await farm.startWorker({
    FARM_METRICS_PORT: String(workerPort),
    PATH: `${tools}${path.delimiter}${process.env.PATH ?? ""}`,
    // The stand-in must not make the worker look for CUDA.
    FARM_DEVICE: "cpu",
  });
  await farm.startCourier({ FARM_METRICS_PORT: String(courierPort) });
  const redis = new Redis(farm.redis.url);
  await redis.config("SET", "maxmemory", REDIS_BYTES_MAX);
  redis.disconnect();
  return {
    farm,
    targets: {
      gateway: [new URL(farm.url).host],
      worker: [`127.0.0.1:${workerPort}`],
      courier: [`127.0.0.1:${courierPort}`],
    },
    load: () => loadFarm(farm),
    [Symbol.asyncDispose]: () => farm[Symbol.asyncDispose](),
  };
}

async function writeNvidiaSmi(dataDir: string): Promise<string> {
  const folder = path.join(dataDir, "tools");
  await mkdir(folder, { recursive: true });
  const script = path.join(folder, "nvidia-smi");
  await writeFile(script, '#!/bin/sh\necho "0, 87, 18011, 23034, 71.52, 64"\n');
  await chmod(script, 0o755);
  return folder;
}

async function loadFarm(farm: TestFarm): Promise<void> {
  await using receiver = await startWebhookReceiver();
  receiver.answer = ({ path: asked }) => (asked.startsWith("/hook/bad") ? 500 : 204);
  const hook = (name: string) => ({ webhook: { url: `${receiver.url}/${name}` } });
  // The first measures the rate, without which nothing is predicted.
  await runJob(farm.url, SMALL);
  const broken = await serveBrokenModel(farm);
  const jobs = Array.from({ length: 24 }, (_, index) =>
    runJob(farm.url, {
      ...SMALL,
      seed: String(index),
      num_images: 1 + (index % 3),
      ...hook(index % 4 ? "good" : "bad"),
    }),
  );
  await Promise.all(jobs);
  await runJob(farm.url, { ...SMALL, model: "broken", ...hook("good") });
  const canceled = await submit(farm.url, LONG);
  await post(`${farm.url}${new URL(canceled.urls.cancel, farm.url).pathname}`, {});
  await post(`${farm.url}/v1/jobs`, { ...SMALL, steps: 0 });
  await crashEngine(farm);
  await Promise.all(Array.from({ length: 8 }, () => runJob(farm.url, { ...SMALL, ...hook("good") })));
  await broken[Symbol.asyncDispose]();
}

/** Kills the engine in the middle of a frame, which goes on from its snapshot in the next one. */
async function crashEngine(farm: TestFarm): Promise<void> {
  const job = await submit(farm.url, LONG);
  const deadline = performance.now() + GET_ON_MS_MAX;
  while ((await getJob(farm.url, job.id)).progress.step === 0) {
    if (performance.now() > deadline) throw new Error("the long frame does not get on");
    await delay(POLL_MS);
  }
  await delay(SNAPSHOTS * SNAPSHOT_MS_MIN);
  const enginePid = farm.workers[0]?.ready.enginePid;
  if (enginePid === undefined) throw new Error("no worker runs");
  process.kill(enginePid, "SIGKILL");
  while ((await getJob(farm.url, job.id)).status !== "succeeded") {
    if (performance.now() > deadline + END_MS_MAX) throw new Error("the long frame does not end");
    await delay(POLL_MS);
  }
}

/** Serves a model whose every frame fails, as one with a broken file would. */
async function serveBrokenModel(farm: TestFarm): Promise<AsyncDisposable> {
  const list: unknown = await (await fetch(`${farm.url}/v1/models`)).json();
  const served = modelListSchema.parse(list).models[0];
  if (served === undefined) throw new Error("no model is served");
  const { workers: _workers, ...model } = served;
  const broken: ModelInfo = { ...model, name: "broken" };
  const now = new Date().toISOString();
  const queue = await connectQueue({ redisUrl: farm.redis.url });
  await queue.announceWorker({
    ...{ id: "broken-1", host: "here", pid: 1, engine_pid: null, plan: "cpu", model: broken },
    ...{ concurrency: 1, frames_in_flight: 0, started_at: now, seen_at: now },
    ...{ rate: null, health: "well", health_reason: null },
  });
  const consumer = queue.consume({
    model: "broken",
    workerId: "broken-1",
    concurrency: 1,
    process: () => Promise.reject(new FarmError("numeric_fault", "Cannot draw the frame: value is NaN")),
  });
  await consumer.ready();
  return queue;
}
