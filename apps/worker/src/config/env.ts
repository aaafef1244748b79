import { hostname } from "node:os";
import { type FarmEnv, FarmError, parseFarmEnv } from "@latentfarm/contract";
import { demoModelFolder } from "@latentfarm/demo-model";
import { redisUrlOf } from "@latentfarm/queue";
import { type StoreSettings, storeSettingsOf } from "@latentfarm/storage";
import { wantsTraces } from "@latentfarm/telemetry";
import type { PodIdentity } from "../pod/patch-pod.js";

/** What a worker is told; nothing in it is secret. */
export interface WorkerConfig {
  /** Names the worker in logs, results and heartbeats. */
  readonly id: string;
  /** The model folder. */
  readonly modelDir: string;
  /** The folder of what this worker keeps for itself. */
  readonly dataDir: string;
  /** Where pictures go. */
  readonly store: StoreSettings;
  /** Frames in flight at once. */
  readonly concurrency: number;
  /** Threads of the engine; the machine's cores when absent. */
  readonly engineThreads: number | undefined;
  /** What the engine computes on. */
  readonly device: FarmEnv["FARM_DEVICE"];
  /** The engine's whole environment: what CUDA reads. */
  readonly engineEnvironment: Readonly<Record<string, string>>;
  /** Steps after which a half-done frame is saved. */
  readonly snapshotSteps: number;
  /** Milliseconds that frames in flight get to finish once the worker is asked to stop. */
  readonly drainMs: number;
  /** Where notices of the end of a spot machine are looked for; nowhere when absent. */
  readonly spotMetadataUrl: string | undefined;
  /** The files of the certificate and the key that sign pictures; they are not signed when absent. */
  readonly signing: SigningFiles | undefined;
  /** The pod whose deletion cost is kept; none when absent. */
  readonly pod: PodIdentity | undefined;
  /** Where metrics and readiness are told; nowhere when absent. */
  readonly metricsAddress: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: FarmEnv["FARM_LOG_LEVEL"];
  /** Whether spans are made; where they go, the SDK reads of the environment. */
  readonly isTraced: boolean;
}

/** Two PEM files. */
export interface SigningFiles {
  readonly certificates: string;
  readonly privateKey: string;
}

/** What a worker is told and may not log. */
export interface WorkerSecrets {
  /** May hold a password. */
  readonly redisUrl: string;
}

const MS_PER_SECOND = 1_000;

/** Characters of a worker's id, as `FARM_WORKER_ID` allows them. */
const ID_CHARS_MAX = 64;

/**
 * Reads the worker's part of the environment.
 * @throws {FarmError} config_invalid, listing every problem.
 */
export function readEnv(env: NodeJS.ProcessEnv = process.env): {
  config: WorkerConfig;
  secrets: WorkerSecrets;
} {
  const farm = parseFarmEnv(env);
  const redisUrl = redisUrlOf(farm);
  if (redisUrl === undefined) {
    throw new FarmError(
      "config_invalid",
      "Cannot start the worker as the environment is wrong: FARM_REDIS_URL is absent",
    );
  }
  return {
    config: Object.freeze({
      id: farm.FARM_WORKER_ID ?? ownId(),
      modelDir: farm.FARM_MODEL ?? demoModelFolder(),
      dataDir: farm.FARM_DATA,
      store: storeSettingsOf(farm),
      concurrency: farm.FARM_WORKER_CONCURRENCY,
      engineThreads: farm.FARM_ENGINE_THREADS,
      device: farm.FARM_DEVICE,
      engineEnvironment: cudaEnvironment(env),
      snapshotSteps: farm.FARM_SNAPSHOT_STEPS,
      drainMs: farm.FARM_DRAIN_SECONDS * MS_PER_SECOND,
      signing: signingFilesOf(farm),
      spotMetadataUrl: farm.FARM_SPOT === "aws" ? farm.FARM_SPOT_METADATA_URL : undefined,
      pod: podOf(farm, env),
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

function signingFilesOf({
  FARM_C2PA_CERT: certificates,
  FARM_C2PA_KEY: privateKey,
}: FarmEnv): SigningFiles | undefined {
  if (certificates !== undefined && privateKey !== undefined) return { certificates, privateKey };
  if (certificates === undefined && privateKey === undefined) return undefined;
  const absent = certificates === undefined ? "FARM_C2PA_CERT" : "FARM_C2PA_KEY";
  throw new FarmError(
    "config_invalid",
    `Cannot start the worker as the environment is wrong: ${absent} is absent, the two go together`,
  );
}

/** Where the kubelet puts a service account's token. Source: kubernetes.io, "Accessing the Kubernetes API from a Pod". */
const ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The pod that this worker runs in, when it is told its name. @throws {FarmError} config_invalid half of it is absent */
function podOf(
  { FARM_POD_NAME: name, FARM_POD_NAMESPACE: namespace }: FarmEnv,
  { KUBERNETES_SERVICE_HOST: apiHost, KUBERNETES_SERVICE_PORT: apiPort }: NodeJS.ProcessEnv,
): PodIdentity | undefined {
  if (name === undefined && namespace === undefined) return undefined;
  const problems: string[] = [];
  if (name === undefined) problems.push("FARM_POD_NAMESPACE is set, but FARM_POD_NAME is absent");
  if (namespace === undefined) problems.push("FARM_POD_NAME is set, but FARM_POD_NAMESPACE is absent");
  if (!apiHost) problems.push("FARM_POD_NAME is set, but KUBERNETES_SERVICE_HOST is absent");
  if (!/^\d{1,5}$/.test(apiPort ?? ""))
    problems.push("FARM_POD_NAME is set, but KUBERNETES_SERVICE_PORT is no port");
  if (name !== undefined && namespace !== undefined && apiHost && problems.length === 0) {
    return Object.freeze({ name, namespace, apiHost, apiPort: Number(apiPort), accountDir: ACCOUNT_DIR });
  }
  throw new FarmError(
    "config_invalid",
    `Cannot start the worker as the environment is wrong: ${problems.join("; ")}`,
    { details: { problems } },
  );
}

/**
 * What CUDA's libraries read of the environment. GPUs are numbered as nvidia-smi numbers them, so that the one that is
 * looked at is the one that computes.
 */
function cudaEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const given = ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES"].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.freeze({ ...Object.fromEntries(given), CUDA_DEVICE_ORDER: "PCI_BUS_ID" });
}

/** A name that no other live worker has: the end is kept, since the process id stands there. */
function ownId(): string {
  return `${hostname()}-${process.pid}`.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(-ID_CHARS_MAX);
}
