import { type FarmEnv, FarmError, parseFarmEnv } from "@latentfarm/contract";
import { redisUrlOf } from "@latentfarm/queue";
import { type StoreSettings, storeSettingsOf } from "@latentfarm/storage";
import { wantsTraces } from "@latentfarm/telemetry";
import { type WebhookPolicy, webhookPolicyOf } from "@latentfarm/webhooks";

/** What the gateway is told; nothing in it is secret. */
export interface GatewayConfig {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Milliseconds that requests are still taken after the gateway is asked to stop. */
  readonly lameDuckMs: number;
  /** Where workers write pictures to. */
  readonly store: StoreSettings;
  /** Where webhooks may be sent to. */
  readonly webhookPolicy: WebhookPolicy;
  readonly logLevel: FarmEnv["FARM_LOG_LEVEL"];
  /** Whether spans are made; where they go, the SDK reads of the environment. */
  readonly isTraced: boolean;
}

/** What the gateway is told and may not log. */
export interface GatewaySecrets {
  /** May hold a password. */
  readonly redisUrl: string;
}

const MS_PER_SECOND = 1_000;

/**
 * Reads the gateway's part of the environment.
 * @throws {FarmError} config_invalid, listing every problem.
 */
export function readEnv(env: NodeJS.ProcessEnv = process.env): {
  config: GatewayConfig;
  secrets: GatewaySecrets;
} {
  const farm = parseFarmEnv(env);
  const redisUrl = redisUrlOf(farm);
  if (redisUrl === undefined) {
    throw new FarmError(
      "config_invalid",
      "Cannot start the gateway as the environment is wrong: FARM_REDIS_URL is absent",
    );
  }
  return {
    config: Object.freeze({
      host: farm.FARM_HOST,
      port: farm.FARM_PORT,
      lameDuckMs: farm.FARM_LAME_DUCK_SECONDS * MS_PER_SECOND,
      store: storeSettingsOf(farm),
      webhookPolicy: webhookPolicyOf({
        loopback: farm.FARM_WEBHOOK_LOOPBACK,
        ports: farm.FARM_WEBHOOK_PORTS,
      }),
      logLevel: farm.FARM_LOG_LEVEL,
      isTraced: wantsTraces(env),
    }),
    secrets: Object.freeze({ redisUrl }),
  };
}
