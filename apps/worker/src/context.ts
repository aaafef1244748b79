import { join } from "node:path";
import { type EngineHost, planDevice, runCommand, startEngine } from "@latentfarm/engine";
import type { PictureSigner } from "@latentfarm/image";
import { type Farm, joinFarm } from "@latentfarm/queue";
import { createStore, createTimedStore, type ObjectStore } from "@latentfarm/storage";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  ownTracing,
  type Tracing,
  tellRedis,
  traceStoreCall,
} from "@latentfarm/telemetry";
import type { WorkerConfig, WorkerSecrets } from "./config/env.js";
import { tellBatches, tellEngine, tellStoreCall } from "./metrics/tell-engine.js";
import { tellGpus } from "./metrics/tell-gpus.js";
import { openPictureSigner } from "./open-picture-signer.js";
import { createWorkInFlight, type WorkInFlight } from "./pod/work-in-flight.js";
import { createReadiness, type Readiness, serveProbes } from "./readiness.js";
import { createPictureSpool, type PictureSpool } from "./spool/picture-spool.js";
import { type BatchSpans, createBatchSpans } from "./traces/batch-spans.js";

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
  /** Signs pictures; undefined where the worker is given no certificate. */
  readonly signer: PictureSigner | undefined;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Spans of step batches. */
  readonly batches: BatchSpans;
  /** What frames in flight have had so far. */
  readonly work: WorkInFlight;
  readonly readiness: Readiness;
  /** Where metrics and readiness are told, when they are. */
  readonly metricsUrl: string | undefined;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** What ends the making early, and what tests put in the place of the real thing. */
export interface ContextOverrides {
  /** Ends the load of the model, which may take minutes. */
  readonly stop?: AbortSignal;
  readonly farm?: WorkerFarm;
  readonly engine?: EngineHost;
  readonly store?: ObjectStore;
  readonly log?: Logger;
  readonly tracing?: Tracing;
  readonly nowMs?: () => number;
}

/**
 * Puts a worker together: the only place that does, and the only seam for tests. Probes are answered first, since Redis
 * answers in milliseconds and a model may take minutes to load.
 * @throws {FarmError} queue_unavailable; store_unavailable; config_invalid for a Redis with the wrong policy, a farm
 * whose pictures are in another store or a certificate that cannot sign; model_invalid; engine_unavailable; interrupted it is told to stop meanwhile
 */
export async function createContext(
  config: WorkerConfig,
  secrets: WorkerSecrets,
  overrides: ContextOverrides = {},
): Promise<WorkerContext> {
  const make = (tracing: Tracing) => createOn(tracing, { config, secrets, overrides });
  return ownTracing(
    { isOn: config.isTraced, process: "worker", instance: config.id },
    make,
    overrides.tracing,
  );
}

/** Does it on tracing that the context then owns. */
async function createOn(
  tracing: Tracing,
  {
    config,
    secrets,
    overrides,
  }: { readonly config: WorkerConfig; readonly secrets: WorkerSecrets; readonly overrides: ContextOverrides },
): Promise<WorkerContext> {
  const own = { name: "worker", level: config.logLevel, fields: tracing.logFields };
  const log = (overrides.log ?? createLogger(own)).child({ worker: config.id });
  tracing.tellOutages(log);
  const batches = createBatchSpans(tracing);
  const metrics = createMetrics("worker");
  const readiness = createReadiness("the worker waits for Redis");
  const server = await serveProbes(config.metricsAddress, { metrics, readiness });
  try {
    const parts = await joinParts({ config, log, metrics, tracing, batches, readiness }, secrets, overrides);
    return {
      config,
      ...parts,
      spool: createPictureSpool({ root: join(config.dataDir, "spool"), log }),
      log,
      metrics,
      tracing,
      batches,
      work: createWorkInFlight(),
      readiness,
      metricsUrl: server?.url,
      nowMs: overrides.nowMs ?? Date.now,
      async [Symbol.asyncDispose]() {
        await parts.engine[Symbol.asyncDispose]();
        await parts.farm[Symbol.asyncDispose]();
        await server?.[Symbol.asyncDispose]();
        await tracing[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await server?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a worker has before its outside parts stand. */
type Ground = Pick<WorkerContext, "config" | "log" | "metrics" | "tracing" | "batches" | "readiness">;

/** Store, farm and engine, in the order of what they cost. */
async function joinParts(
  ground: Ground,
  secrets: WorkerSecrets,
  overrides: ContextOverrides,
): Promise<Pick<WorkerContext, "store" | "farm" | "engine" | "signer">> {
  const { config, log, metrics, tracing } = ground;
  const signer = await openPictureSigner(config.signing, Date.now());
  const store = createTimedStore(overrides.store ?? (await createStore(config.store)), (call) => {
    tellStoreCall(metrics, call);
    traceStoreCall(tracing, call);
  });
  const farm = overrides.farm ?? (await joinFarm({ redisUrl: secrets.redisUrl, log, tracing }, store));
  try {
    const engine = overrides.engine ?? (await startOwnEngine(ground, overrides.stop));
    tellRedis(metrics, () => farm.health());
    tellEngine(metrics, engine);
    tellGpus(metrics, runCommand);
    return { store, farm, engine, signer };
  } catch (error) {
    await farm[Symbol.asyncDispose]();
    throw error;
  }
}

async function startOwnEngine(
  { config, metrics, log, batches, readiness }: Ground,
  stop: AbortSignal | undefined,
): Promise<EngineHost> {
  readiness.tell("the model loads");
  const threads = config.engineThreads === undefined ? {} : { threads: config.engineThreads };
  const { plan, reason } = await planDevice({ wish: config.device, environment: config.engineEnvironment });
  log.info({ plan: plan.name, reason }, "precision plan is chosen");
  return startEngine({
    plan,
    environment: config.engineEnvironment,
    modelDir: config.modelDir,
    capsDir: join(config.dataDir, "batch-caps"),
    snapshotSteps: config.snapshotSteps,
    onBatches: (ended) => {
      tellBatches(metrics, ended);
      for (const batch of ended) batches.tell(batch);
    },
    log,
    ...threads,
    ...(stop && { signal: stop }),
  });
}
