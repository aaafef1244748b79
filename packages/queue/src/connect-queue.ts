import { randomBytes } from "node:crypto";
import { NO_TRACING } from "@latentfarm/telemetry";
import { createAccess } from "./access/create-access.js";
import { OrderSnapshots } from "./estimate/order-snapshot.js";
import { readStats } from "./estimate/stats.js";
import type { Farm, FrameConsumer, QueueLog, QueueOptions } from "./farm.js";
import { claimStore } from "./fleet/claim-store.js";
import { announceWorker, readModels, readWorkers, retireWorker } from "./fleet/workers.js";
import { consumeFrames } from "./frames/consume-frames.js";
import { FrameQueues } from "./frames/frame-queues.js";
import { createReleaser } from "./frames/release-frames.js";
import { cancelJob } from "./jobs/cancel-job.js";
import { readEvents } from "./jobs/job-events.js";
import { keepFarm } from "./jobs/keep-farm.js";
import { listFrames } from "./jobs/list-frames.js";
import { listJobs } from "./jobs/list-jobs.js";
import { readFrame } from "./jobs/read-frame.js";
import { readEstimatedHead, readEstimatedJob } from "./jobs/read-job.js";
import { retryJob } from "./jobs/retry-job.js";
import { findSubmitted, forecastJob, submitJob } from "./jobs/submit-job.js";
import { openConnection } from "./redis/connections.js";
import { bounded } from "./redis/errors.js";
import { readHealth } from "./redis/health.js";
import { checkRedisPolicy } from "./redis/policy.js";
import { Signals } from "./redis/signals.js";
import { createWebhookStore } from "./webhooks/create-webhook-store.js";

const SILENT: QueueLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The clocks and the chance of this process. */
const PLATFORM = { nowMs: Date.now, elapsedMs: () => performance.now(), random: randomBytes };

/**
 * Connects to the farm's Redis and checks that it keeps what it is given.
 * @throws {FarmError} queue_unavailable it does not answer; config_invalid it may drop jobs
 */
export async function connectQueue(options: QueueOptions): Promise<Farm> {
  const { log = SILENT, tracing = NO_TRACING } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const redis = openConnection(options.redisUrl, { kind: "commands", log, closing: signal });
  try {
    await checkRedisPolicy(redis, log);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  const listener = openConnection(options.redisUrl, { kind: "signals", log, closing: signal });
  const signals = new Signals(listener);
  const queues = new FrameQueues(redis, log, tracing);
  const releaser = createReleaser({ redis, queues, log, tracing });
  const consumers = new Set<FrameConsumer>();
  const keepers = new Set<AsyncDisposable>();
  const openWorkerConnection = (ending: AbortSignal) =>
    openConnection(options.redisUrl, { kind: "worker", log, closing: ending });
  const snapshots = new OrderSnapshots(redis);
  const context = { redis, queues, releaser, snapshots, signals, log, openWorkerConnection, tracing };
  const webhooks = createWebhookStore({ redis, signals, log, openWorkerConnection, tracing });
  return {
    submit: (job) => submitJob(context, job),
    findSubmitted: (tenant, idempotency) => findSubmitted(context, tenant, idempotency),
    getJob: (id) => readEstimatedJob(context, id),
    getJobHead: (id) => readEstimatedHead(context, id),
    getFrame: (id, index) => readFrame(redis, id, index),
    listFrames: (id, query) => listFrames(redis, id, query),
    cancel: (id) => cancelJob(context, id),
    retry: (id, key) => retryJob(context, id, key),
    listJobs: (query) => listJobs(context, query),
    forecast: (draft) => forecastJob(context, draft),
    stats: (tenant) => readStats(redis, tenant),
    keep: (wanted) => {
      const keeper = keepFarm(context, wanted);
      keepers.add(keeper);
      return keeper;
    },
    access: createAccess({ redis, log, ...PLATFORM }),
    webhooks,
    events: (id, wanted) => readEvents(context, id, wanted),
    models: () => readModels(redis, Date.now()),
    workers: () => readWorkers(redis),
    claimStore: (store) => claimStore(redis, store),
    ping: async () => void (await bounded("ping the queue", () => redis.ping())),
    health: () => readHealth(redis),
    announceWorker: (info) => announceWorker(redis, info),
    retireWorker: (id) => retireWorker(redis, id),
    consume: (wanted) => {
      const consumer = consumeFrames(context, wanted);
      consumers.add(consumer);
      return consumer;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled([...consumers].map((consumer) => consumer[Symbol.asyncDispose]()));
      await webhooks[Symbol.asyncDispose]();
      await Promise.allSettled([...keepers].map((keeper) => keeper[Symbol.asyncDispose]()));
      closing.abort();
      await releaser.settled();
      await queues.close();
      listener.disconnect();
      redis.disconnect();
    },
  };
}
