import { type FarmEnv, FarmError, parseFarmEnv } from "@latentfarm/contract";
import { redisUrlOf } from "@latentfarm/queue";
import { wantsTraces } from "@latentfarm/telemetry";
import { type WebhookPolicy, webhookPolicyOf } from "@latentfarm/webhooks";

/** What a courier is told; nothing in it is secret. */
export interface CourierConfig {
  /** Deliveries under way at once. */
  readonly concurrency: number;
  /** Stands before the paths in bodies; paths alone when empty. */
  readonly publicUrl: string;
  /** Where webhooks may go; the gateway that takes their addresses must be set alike. */
  readonly webhookPolicy: WebhookPolicy;
  /** Whether receivers are sent the trace of the job. */
  readonly sendsTrace: boolean;
  /** Milliseconds from each attempt to the next; the farm's own schedule when absent. */
  readonly scheduleMs: readonly number[] | undefined;
  /** Where metrics and readiness are told; nowhere when absent. */
  readonly metricsAddress: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: FarmEnv["FARM_LOG_LEVEL"];
  /** Whether spans are made; where they go, the SDK reads of the environment. */
  readonly isTraced: boolean;
}

/** What a courier is told and may not log. */
export interface CourierSecrets {
  /** May hold a password. */
  readonly redisUrl: string;
}

const MS_PER_SECOND = 1_000;

/**
 * Reads the courier's part of the environment.
 * @throws {FarmError} config_invalid, listing every problem.
 */
export function readEnv(env: NodeJS.ProcessEnv = process.env): {
  config: CourierConfig;
  secrets: CourierSecrets;
} {
  const farm = parseFarmEnv(env);
  const redisUrl = redisUrlOf(farm);
  if (redisUrl === undefined) {
    throw new FarmError(
      "config_invalid",
      "Cannot start the courier as the environment is wrong: FARM_REDIS_URL is absent",
    );
  }
  return {
    config: Object.freeze({
      concurrency: farm.FARM_COURIER_CONCURRENCY,
      publicUrl: farm.FARM_PUBLIC_URL ?? "",
      webhookPolicy: webhookPolicyOf({
        loopback: farm.FARM_WEBHOOK_LOOPBACK,
        ports: farm.FARM_WEBHOOK_PORTS,
      }),
      sendsTrace: farm.FARM_WEBHOOK_TRACEPARENT,
      scheduleMs: farm.FARM_WEBHOOK_RETRY_SECONDS?.map((seconds) => seconds * MS_PER_SECOND),
      metricsAddress:
        farm.FARM_METRICS_PORT === 0
          ? undefined
          : { host: farm.FARM_METRICS_HOST, port: farm.FARM_METRICS_PORT },
      logLevel: farm.FARM_LOG_LEVEL,
      isTraced: wantsTraces(env),
    }),
    secrets: Object.freeze({ redisUrl }),
  };
}
