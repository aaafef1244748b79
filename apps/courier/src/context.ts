import { hostname } from "node:os";
import { connectQueue, type Farm } from "@latentfarm/queue";
import {
  createLogger,
  createMetrics,
  type Logger,
  type Metrics,
  ownTracing,
  type Tracing,
  tellRedis,
} from "@latentfarm/telemetry";
import { sendWebhook } from "@latentfarm/webhooks";
import type { CourierConfig, CourierSecrets } from "./config/env.js";

/** The part of the farm's memory that a courier uses. */
export type CourierFarm = AsyncDisposable &
  Pick<Farm, "health"> & { readonly webhooks: Pick<Farm["webhooks"], "deliver"> };

/** Everything that a courier stands on. */
export interface CourierContext extends AsyncDisposable {
  readonly config: CourierConfig;
  readonly farm: CourierFarm;
  readonly send: typeof sendWebhook;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** What tests put in the place of the real thing. */
export interface ContextOverrides {
  readonly farm?: CourierFarm;
  readonly send?: typeof sendWebhook;
  readonly log?: Logger;
  readonly tracing?: Tracing;
  readonly nowMs?: () => number;
}

/**
 * Puts a courier together: the only place that does, and the only seam for tests.
 * @throws {FarmError} queue_unavailable; config_invalid for a Redis with the wrong policy
 */
export async function createContext(
  config: CourierConfig,
  secrets: CourierSecrets,
  overrides: ContextOverrides = {},
): Promise<CourierContext> {
  const instance = `${hostname()}-${process.pid}`;
  const make = (tracing: Tracing) => createOn(tracing, { config, secrets, overrides });
  return ownTracing({ isOn: config.isTraced, process: "courier", instance }, make, overrides.tracing);
}

/** Does it on tracing that the context then owns. */
async function createOn(
  tracing: Tracing,
  {
    config,
    secrets,
    overrides,
  }: {
    readonly config: CourierConfig;
    readonly secrets: CourierSecrets;
    readonly overrides: ContextOverrides;
  },
): Promise<CourierContext> {
  const log =
    overrides.log ?? createLogger({ name: "courier", level: config.logLevel, fields: tracing.logFields });
  tracing.tellOutages(log);
  const farm = overrides.farm ?? (await connectQueue({ redisUrl: secrets.redisUrl, log, tracing }));
  const metrics = createMetrics("courier");
  tellRedis(metrics, () => farm.health());
  return {
    config,
    farm,
    send: overrides.send ?? sendWebhook,
    log,
    metrics,
    tracing,
    nowMs: overrides.nowMs ?? Date.now,
    async [Symbol.asyncDispose]() {
      await farm[Symbol.asyncDispose]();
      await tracing[Symbol.asyncDispose]();
    },
  };
}
