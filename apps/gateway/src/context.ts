import { randomBytes, randomInt } from "node:crypto";
import { hostname } from "node:os";
import { LIMITS, type ServedModel } from "@latentfarm/contract";
import { type Access, type Farm, joinFarm, type QueueLog } from "@latentfarm/queue";
import { createStore, createTimedStore, type ObjectStore } from "@latentfarm/storage";
import {
  createLogger,
  createMetrics,
  type Metrics,
  ownTracing,
  type Tracing,
  tellRedis,
  traceStoreCall,
} from "@latentfarm/telemetry";
import type { WebhookPolicy } from "@latentfarm/webhooks";
import { isLoopback } from "./access/loopback.js";
import type { GatewayConfig, GatewaySecrets } from "./config/env.js";
import { fileEndedJob } from "./file-ended-job.js";
import { createHeldAnswers, type HeldAnswers } from "./held-answers.js";
import { HEARTBEAT_MS, MODELS_CACHE_MS, QUEUE_MS_MAX, STORE_MS_MAX } from "./limits.js";
import {
  boundAccess,
  boundQueue,
  boundWebhooks,
  type GatewayQueue,
  type GatewayWebhooks,
} from "./queue-deadline.js";
import { createShortCache, type ShortCache } from "./short-cache.js";

/** Drawn seeds are below this: noise depends on a seed modulo 2^32 only, and short ones are easy to type again. */
const DRAWN_SEED_END = 2 ** 32;

const MS_PER_SECOND = 1_000;

/** Everything that the routes stand on. */
export interface GatewayContext extends AsyncDisposable {
  readonly queue: GatewayQueue;
  /** The models of a moment ago. */
  readonly models: ShortCache<ServedModel[]>;
  /** Endpoints and deliveries. */
  readonly webhooks: GatewayWebhooks;
  /** Where webhooks may be sent to. */
  readonly webhookPolicy: WebhookPolicy;
  /** Keys, tenants and rates. */
  readonly access: Access;
  /** True when the gateway listens on this machine alone. */
  readonly isLoopback: boolean;
  readonly store: ObjectStore;
  readonly log: QueueLog;
  /** What this gateway counts; the farm's numbers are read at each scrape. */
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly nowMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Draws the seed of a job that names none, as decimal text. */
  readonly drawSeed: () => string;
  /** Milliseconds between comments on a silent event stream. */
  readonly heartbeatMs: number;
  /** Event streams and waits, by tenant. */
  readonly held: HeldAnswers;
  /** Aborts when the process is asked to stop: readiness ends, and answers close their connections. */
  readonly leaving: AbortSignal;
  /** Begins to leave; twice is once. */
  readonly leave: () => void;
  /** Aborts when the process drains: streams and waits end. A drain is a leave too. */
  readonly draining: AbortSignal;
  /** Begins the drain; twice is once. */
  readonly drain: () => void;
}

/** What tests put in the place of the real thing. */
export interface ContextOverrides {
  readonly farm?: Farm;
  readonly store?: ObjectStore;
  readonly log?: QueueLog;
  readonly tracing?: Tracing;
  readonly nowMs?: () => number;
  readonly randomBytes?: (count: number) => Uint8Array;
  readonly drawSeed?: () => string;
  readonly heartbeatMs?: number;
  readonly tenantStreamsMax?: number;
  readonly queueMsMax?: number;
}

/**
 * Puts the gateway together: the only place that does, and the only seam for tests.
 * @throws {FarmError} queue_unavailable; store_unavailable; config_invalid for a Redis with the wrong policy or a farm
 * whose pictures are in another store.
 */
export async function createContext(
  config: GatewayConfig,
  secrets: GatewaySecrets,
  overrides: ContextOverrides = {},
): Promise<GatewayContext> {
  const instance = `${hostname()}-${process.pid}`;
  const make = (tracing: Tracing) => createOn(tracing, { config, secrets, overrides });
  return ownTracing({ isOn: config.isTraced, process: "gateway", instance }, make, overrides.tracing);
}

/** Does it on tracing that the context then owns. */
async function createOn(
  tracing: Tracing,
  {
    config,
    secrets,
    overrides,
  }: {
    readonly config: GatewayConfig;
    readonly secrets: GatewaySecrets;
    readonly overrides: ContextOverrides;
  },
): Promise<GatewayContext> {
  const log =
    overrides.log ?? createLogger({ name: "gateway", level: config.logLevel, fields: tracing.logFields });
  tracing.tellOutages(log);
  const metrics = createMetrics("gateway");
  const store = createTimedStore(
    overrides.store ?? (await createStore(config.store, { callMs: STORE_MS_MAX })),
    (call) => {
      const { operation, outcome, durationMs } = call;
      metrics.observe("farm_store_seconds", { operation, outcome }, durationMs / MS_PER_SECOND);
      traceStoreCall(tracing, call);
    },
  );
  const farm = overrides.farm ?? (await joinFarm({ redisUrl: secrets.redisUrl, log, tracing }, store));
  const leave = new AbortController();
  const drain = new AbortController();
  const msMax = overrides.queueMsMax ?? QUEUE_MS_MAX;
  const nowMs = overrides.nowMs ?? Date.now;
  const queue = boundQueue(farm, msMax);
  tellRedis(metrics, () => queue.health());
  const keeping = farm.keep({ onJobEnd: (job) => fileEndedJob({ store, log }, job) });
  return {
    queue,
    models: createShortCache({ load: () => queue.models(), ageMsMax: MODELS_CACHE_MS, nowMs }),
    webhooks: boundWebhooks(farm.webhooks, msMax),
    webhookPolicy: config.webhookPolicy,
    access: boundAccess(farm.access, msMax),
    isLoopback: isLoopback(config.host),
    store,
    log,
    metrics,
    tracing,
    nowMs,
    randomBytes: overrides.randomBytes ?? randomBytes,
    drawSeed: overrides.drawSeed ?? (() => String(randomInt(DRAWN_SEED_END))),
    heartbeatMs: overrides.heartbeatMs ?? HEARTBEAT_MS,
    held: createHeldAnswers(overrides.tenantStreamsMax ?? LIMITS.tenant_streams_max),
    leaving: leave.signal,
    leave: () => leave.abort(),
    draining: drain.signal,
    drain: () => {
      leave.abort();
      drain.abort();
    },
    async [Symbol.asyncDispose]() {
      leave.abort();
      drain.abort();
      await keeping[Symbol.asyncDispose]();
      await farm[Symbol.asyncDispose]();
      await tracing[Symbol.asyncDispose]();
    },
  };
}
