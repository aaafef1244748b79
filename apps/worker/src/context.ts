import { join } from "node:path";
import { type EngineHost, planDevice, runCommand, startEngine } from "@latentfarm/engine";
import { type Farm, joinFarm } from "@latentfarm/queue";
import { createStore, createTimedStore, type ObjectStore } from "@latentfarm/storage";
import { createLogger, createMetrics, type Logger, type Metrics, tellRedis } from "@latentfarm/telemetry";
import type { WorkerConfig, WorkerSecrets } from "./config/env.js";
import { tellBatch, tellEngine, tellStoreCall } from "./metrics/tell-engine.js";
import { tellGpus } from "./metrics/tell-gpus.js";
import { createPictureSpool, type PictureSpool } from "./spool/picture-spool.js";

/** The part of the farm's memory that a worker uses. */
export type WorkerFarm = Pick<Farm, "consume" | "announceWorker" | "retireWorker" | "keep" | "health"> &
  AsyncDisposable;

/** Everything that a worker stands on. */
export interface WorkerContext extends AsyncDisposable {
  readonly config: WorkerConfig;
  readonly farm: WorkerFarm;
  readonly engine: EngineHost;
  readonly store: ObjectStore;
  /** Where pictures wait for a store that is away. */
  readonly spool: PictureSpool;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** What tests put in the place of the real thing. */
export interface ContextOverrides {
  readonly farm?: WorkerFarm;
  readonly engine?: EngineHost;
  readonly store?: ObjectStore;
  readonly log?: Logger;
  readonly nowMs?: () => number;
}

/**
 * Puts a worker together: the only place that does, and the only seam for tests. Redis is asked first: it answers in
 * milliseconds, and a model may take minutes to load.
 * @throws {FarmError} queue_unavailable; store_unavailable; config_invalid for a Redis with the wrong policy or a farm
 * whose pictures are in another store; model_invalid; engine_unavailable
 */
export async function createContext(
  config: WorkerConfig,
  secrets: WorkerSecrets,
  overrides: ContextOverrides = {},
): Promise<WorkerContext> {
  const log = (overrides.log ?? createLogger({ name: "worker", level: config.logLevel })).child({
    worker: config.id,
  });
  const metrics = createMetrics("worker");
  const store = createTimedStore(overrides.store ?? (await createStore(config.store)), (call) =>
    tellStoreCall(metrics, call),
  );
  const farm = overrides.farm ?? (await joinFarm({ redisUrl: secrets.redisUrl, log }, store));
  const engine = overrides.engine ?? (await startOrRelease({ config, farm, metrics, log }));
  tellRedis(metrics, () => farm.health());
  tellEngine(metrics, engine);
  tellGpus(metrics, runCommand);
  return {
    config,
    farm,
    engine,
    store,
    spool: createPictureSpool({ root: join(config.dataDir, "spool"), log }),
    log,
    metrics,
    nowMs: overrides.nowMs ?? Date.now,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await farm[Symbol.asyncDispose]();
    },
  };
}

async function startOrRelease(
  parts: Pick<WorkerContext, "config" | "farm" | "metrics" | "log">,
): Promise<EngineHost> {
  const { config, farm, metrics, log } = parts;
  const threads = config.engineThreads === undefined ? {} : { threads: config.engineThreads };
  try {
    const { plan, reason } = await planDevice({ wish: config.device, environment: config.engineEnvironment });
    log.info({ plan: plan.name, reason }, "precision plan is chosen");
    return await startEngine({
      plan,
      environment: config.engineEnvironment,
      modelDir: config.modelDir,
      capsDir: join(config.dataDir, "batch-caps"),
      snapshotSteps: config.snapshotSteps,
      onBatch: (batch) => tellBatch(metrics, batch),
      log,
      ...threads,
    });
  } catch (error) {
    await farm[Symbol.asyncDispose]();
    throw error;
  }
}
