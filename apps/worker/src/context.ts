import { join } from "node:path";
import { type EngineHost, planDevice, startEngine } from "@latentfarm/engine";
import { type Farm, joinFarm } from "@latentfarm/queue";
import { createStore, type ObjectStore } from "@latentfarm/storage";
import { createLogger, type Logger } from "@latentfarm/telemetry";
import type { WorkerConfig, WorkerSecrets } from "./config/env.js";

/** The part of the farm's memory that a worker uses. */
export type WorkerFarm = Pick<Farm, "consume" | "announceWorker" | "retireWorker" | "keep"> & AsyncDisposable;

/** Everything that a worker stands on. */
export interface WorkerContext extends AsyncDisposable {
  readonly config: WorkerConfig;
  readonly farm: WorkerFarm;
  readonly engine: EngineHost;
  readonly store: ObjectStore;
  readonly log: Logger;
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
  const store = overrides.store ?? (await createStore(config.store));
  const farm = overrides.farm ?? (await joinFarm({ redisUrl: secrets.redisUrl, log }, store));
  const engine = overrides.engine ?? (await startOrRelease(config, farm, log));
  return {
    config,
    farm,
    engine,
    store,
    log,
    nowMs: overrides.nowMs ?? Date.now,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await farm[Symbol.asyncDispose]();
    },
  };
}

async function startOrRelease(config: WorkerConfig, farm: WorkerFarm, log: Logger): Promise<EngineHost> {
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
      log,
      ...threads,
    });
  } catch (error) {
    await farm[Symbol.asyncDispose]();
    throw error;
  }
}
