import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkerInfo } from "@latentfarm/contract";
import type { EngineHost } from "@latentfarm/engine";
import type { ConsumeOptions } from "@latentfarm/queue";
import { createDiskStore, jobKey, snapshotKey } from "@latentfarm/storage";
import { createLogger, createMetrics, NO_TRACING } from "@latentfarm/telemetry";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { WorkerContext, WorkerFarm } from "./context.js";
import { createWorkInFlight } from "./pod/work-in-flight.js";
import { createReadiness } from "./readiness.js";
import { runWorker } from "./run-worker.js";
import { createPictureSpool } from "./spool/picture-spool.js";
import { endedJob } from "./testing/ended-job.js";
import { createBatchSpans } from "./traces/batch-spans.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-run-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const unasked = async (): Promise<never> => {
  throw new Error("a worker that draws nothing does not ask for this");
};

/** A farm that has no frame and tells how it is consumed. */
function emptyFarm(onConsume: (options: ConsumeOptions) => void): WorkerFarm {
  return {
    announceWorker: async () => undefined,
    retireWorker: async () => undefined,
    health: unasked,
    keep: () => ({ [Symbol.asyncDispose]: async () => undefined }),
    consume: (options) => {
      onConsume(options);
      const nothing = async () => undefined;
      return {
        active: 0,
        rate: null,
        sickness: null,
        ready: nothing,
        hold: nothing,
        resume: nothing,
        drain: nothing,
        [Symbol.asyncDispose]: nothing,
      };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

const ENGINE: EngineHost = {
  info: {
    pid: 1,
    plan: "cpu",
    onnxruntime: "1.30.0",
    restarts: 0,
    model: {
      name: "demo",
      architecture: "",
      defaults: {
        width: 16,
        height: 16,
        steps: 1,
        guidance_scale: 1,
        sampler: "euler",
        scheduler: "simple",
        shift: 3,
      },
      limits: { width_max: 16, height_max: 16, size_multiple: 16 },
      samplers: [],
      schedulers: [],
    },
  },
  render: unasked,
  drain: async () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

const log = createLogger({ name: "worker", level: "silent" });

function contextOf(parts: Pick<WorkerContext, "farm"> & Partial<WorkerContext>): WorkerContext {
  return {
    config: {
      id: "w1",
      modelDir: "",
      dataDir: root,
      store: { kind: "disk", root },
      concurrency: 1,
      engineThreads: undefined,
      snapshotSteps: 5,
      drainMs: 0,
      signing: undefined,
      spotMetadataUrl: undefined,
      pod: undefined,
      metricsAddress: undefined,
      device: "cpu",
      engineEnvironment: {},
      logLevel: "silent",
      isTraced: false,
    },
    engine: ENGINE,
    store: createDiskStore(root),
    signer: undefined,
    spool: createPictureSpool({ root: join(root, "spool"), log }),
    log,
    metrics: createMetrics("worker"),
    work: createWorkInFlight(),
    tracing: NO_TRACING,
    batches: createBatchSpans(NO_TRACING),
    readiness: createReadiness("the model loads"),
    metricsUrl: undefined,
    nowMs: () => 0,
    [Symbol.asyncDispose]: async () => undefined,
    ...parts,
  };
}

/** Runs a worker until it is ready; gives what ends it. */
async function startWorker(context: WorkerContext): Promise<() => Promise<void>> {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  await new Promise<void>((resolve, reject) => {
    running = runWorker(context, { stop: stop.signal, onReady: () => resolve() });
    running.catch(reject);
  });
  return async () => {
    stop.abort();
    await running;
  };
}

it("runWorker() clears the snapshots of an ended job and writes its history", async () => {
  let onJobEnd: ConsumeOptions["onJobEnd"];
  const store = createDiskStore(root);
  const farm = emptyFarm((options) => {
    onJobEnd = options.onJobEnd;
  });
  const end = await startWorker(contextOf({ farm, store }));
  const job = endedJob([["failed", 3]]);
  const key = snapshotKey(job.id, 0);
  await store.put(key, Uint8Array.of(1), { contentType: "application/octet-stream", metadata: {} });
  await onJobEnd?.(job);
  expect(await store.head(key)).toBeUndefined();
  expect(await store.head(jobKey(job.id))).toBeDefined();
  await end();
});

it("runWorker() takes no frames while its spool is full, and says so on the fleet's list", async () => {
  const told: WorkerInfo[] = [];
  const farm = {
    ...emptyFarm(() => undefined),
    announceWorker: async (info: WorkerInfo) => void told.push(info),
  };
  const full = { files: 512, bytes: 1, isFull: true };
  const spool = { ...contextOf({ farm }).spool, fill: async () => full };
  const end = await startWorker(contextOf({ farm, spool }));
  expect(told[0]).toMatchObject({
    health: "waiting",
    health_reason: "its store is away: 512 pictures wait on its disk, which is all that it keeps",
  });
  await end();
});
