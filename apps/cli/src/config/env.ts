import { join } from "node:path";
import { type FarmEnv, parseFarmEnv } from "@latentfarm/contract";
import { ROOT } from "../root.js";

/** What the command line takes from its environment. */
export interface Environment {
  /** The parsed `FARM_` names. */
  readonly farm: FarmEnv;
  /** The folder of results and state when `--data` is absent: the repository's own, from wherever it is called. */
  readonly dataDir: string;
  /** The environment of child processes: this one's, without `FARM_` names, which each start states in full. */
  readonly inherited: Readonly<Record<string, string>>;
  /** The `FARM_` names that workers, gateway and courier read and that the command line does not decide. */
  readonly passedOn: Readonly<Record<string, string>>;
  readonly path: string;
  /** True where a missing tool must fail a test run instead of skipping a suite. */
  readonly toolsRequired: boolean;
}

const PASSED_ON: readonly string[] = [
  "FARM_WORKER_CONCURRENCY",
  "FARM_ENGINE_THREADS",
  "FARM_DEVICE",
  "FARM_SNAPSHOT_STEPS",
  "FARM_DRAIN_SECONDS",
  "FARM_LAME_DUCK_SECONDS",
  "FARM_C2PA_CERT",
  "FARM_C2PA_KEY",
  "FARM_SPOT",
  "FARM_SPOT_METADATA_URL",
  "FARM_PUBLIC_URL",
  "FARM_WEBHOOK_LOOPBACK",
  "FARM_WEBHOOK_PORTS",
  "FARM_WEBHOOK_TRACEPARENT",
  "FARM_WEBHOOK_RETRY_SECONDS",
  "FARM_COURIER_CONCURRENCY",
  "FARM_METRICS_HOST",
  "FARM_LOG_LEVEL",
  "FARM_STORE",
  "FARM_S3_BUCKET",
  "FARM_S3_REGION",
  "FARM_S3_ENDPOINT",
  "FARM_S3_PUBLIC_ENDPOINT",
  "FARM_S3_PREFIX",
  "FARM_S3_PATH_STYLE",
  "FARM_S3_SSE",
  "FARM_S3_KMS_KEY",
  "FARM_S3_STORAGE_CLASS",
  "FARM_S3_CHECKSUMS",
  "FARM_S3_TAGS",
  "FARM_S3_PRESIGN_SECONDS",
];

/**
 * Reads the environment once.
 * @throws {FarmError} config_invalid, listing every unknown `FARM_` name and every bad value
 */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const farm = parseFarmEnv(env);
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.freeze({
    farm,
    dataDir: env.FARM_DATA ? farm.FARM_DATA : join(ROOT, ".farm"),
    inherited: Object.fromEntries(given.filter(([name]) => !name.startsWith("FARM_"))),
    passedOn: Object.fromEntries(given.filter(([name, value]) => PASSED_ON.includes(name) && value !== "")),
    path: env.PATH ?? "",
    toolsRequired: farm.FARM_TEST_REQUIRED || (env.CI ?? "") === "true",
  });
}
