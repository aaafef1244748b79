import { join } from "node:path";
import { FarmError } from "@latentfarm/contract";
import type { Environment } from "../config/env.js";
import { appMain, type FarmApp } from "../root.js";
import { thisMachine } from "./machine.js";
import { planNodeProcess, type ReadyMessage } from "./node-process.js";
import type { MetricsTarget } from "./prometheus-process.js";
import { ensureRedis } from "./redis-binary.js";
import { type RedisAddress, startRedis } from "./redis-process.js";
import { RESTART_POLICY, type Supervised, supervise } from "./supervisor.js";
import { freePort } from "./tcp-port.js";

/** What a farm on this machine is made of. */
export interface FarmOptions {
  readonly environment: Environment;
  /** Where results go. */
  readonly dataDir: string;
  /** Where this farm keeps its Redis folder and its logs. */
  readonly stateDir: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly workers: number;
  /** The model folder; the demo model when absent. */
  readonly modelDir: string | undefined;
  /** True lets webhooks go to this machine, whatever the environment says. */
  readonly webhookLoopback?: boolean;
  /** True has courier and workers tell metrics, each on a free port. */
  readonly metrics?: boolean;
  readonly signal: AbortSignal;
  log(line: string): void;
}

/** A farm that runs as children of this process. */
export interface LocalFarm {
  readonly url: string;
  /** Its Redis, with the password. */
  readonly redisUrl: string;
  /** The model that the first worker serves, where it said so. */
  readonly model: string | undefined;
  /** Where its processes tell metrics. */
  readonly targets: readonly MetricsTarget[];
  /** Stops in order: workers hand in or give back their frames, then the gateway, the courier, Redis. */
  drain(): Promise<void>;
  /** Kills everything at once. */
  kill(): void;
}

/** Milliseconds: `FARM_DRAIN_SECONDS` is at most 90 and a worker's own end takes 20; this is for one that hangs. */
const WORKER_DRAIN_MS_MAX = 120_000;
const GATEWAY_DRAIN_MS_MAX = 15_000;
/** Milliseconds: an attempt at a webhook takes up to 15 s, and a courier's own end up to 8. */
const COURIER_DRAIN_MS_MAX = 30_000;
/** Addresses that a gateway listens on and that nobody can call. */
const WILDCARDS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
/** Milliseconds for Redis to sync its file. */
const REDIS_DRAIN_MS_MAX = 30_000;

/**
 * Starts Redis (unless the environment names one), the gateway, the courier and the workers, and keeps them running.
 * When one does not start, those that did are stopped again.
 * @throws {FarmError} queue_unavailable no Redis; internal a process does not start; canceled the signal aborted
 */
export async function startFarm(options: FarmOptions): Promise<LocalFarm> {
  const crew: Crew = { redis: undefined, gateway: undefined, courier: undefined, workers: [] };
  // The last resort when this process ends without a drain: children in groups of their own would stay.
  const onExit = () => killAll(crew);
  process.once("exit", onExit);
  try {
    const redisUrl = await startAll(crew, options);
    const url = String(crew.gateway?.ready().url);
    const model = crew.workers[0]?.ready().model;
    return {
      url,
      redisUrl,
      model: typeof model === "string" ? model : undefined,
      targets: targetsOf(crew),
      async drain() {
        await drainAll(crew);
        process.off("exit", onExit);
      },
      kill: () => killAll(crew),
    };
  } catch (error) {
    killAll(crew);
    process.off("exit", onExit);
    throw error;
  }
}

interface Crew {
  redis: Supervised<RedisAddress> | undefined;
  gateway: Supervised<ReadyMessage> | undefined;
  courier: Supervised<ReadyMessage> | undefined;
  workers: Supervised<ReadyMessage>[];
}

/** Gives the URL of the Redis. */
async function startAll(crew: Crew, options: FarmOptions): Promise<string> {
  const { redisUrlOf } = await import("@latentfarm/queue");
  const redisUrl = redisUrlOf(options.environment.farm) ?? (await startOwnRedis(crew, options));
  const loopback: Settings = options.webhookLoopback === true ? { FARM_WEBHOOK_LOOPBACK: "1" } : {};
  const start = async (name: string, app: FarmApp, own: (last: ReadyMessage | undefined) => Settings) => {
    // Chosen once: a process that is started again tells its metrics where it did before.
    const metrics = options.metrics === true && app !== "gateway" ? await metricsPort() : {};
    return supervise(
      planNodeProcess({
        name,
        main: appMain(app),
        logPath: join(options.stateDir, "logs", `${name}.log`),
        environment: (last) => ({
          ...options.environment.inherited,
          ...options.environment.passedOn,
          ...loopback,
          FARM_REDIS_URL: redisUrl,
          FARM_DATA: options.dataDir,
          ...metrics,
          ...own(last),
        }),
      }),
      { policy: RESTART_POLICY, signal: options.signal, log: options.log },
    );
  };
  const gateway = start("gateway", "gateway", (last) => ({
    FARM_HOST: options.host,
    FARM_PORT: String(last ? portOf(last) : options.port),
  })).then((started) => {
    crew.gateway = started;
  });
  const courier = start("courier", "courier", () => publicUrl(options)).then((started) => {
    crew.courier = started;
  });
  const workers = Array.from({ length: options.workers }, (_, i) =>
    start(`worker-${i + 1}`, "worker", () => (options.modelDir ? { FARM_MODEL: options.modelDir } : {})).then(
      (started) => {
        crew.workers.push(started);
      },
    ),
  );
  // All are waited for, even when one fails: each that started must be known, to be stopped.
  const outcomes = await Promise.allSettled([gateway, courier, ...workers]);
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
  if (options.signal.aborted) throw new FarmError("canceled", "Cannot start the farm as it was stopped");
  return redisUrl;
}

type Settings = Readonly<Record<string, string>>;

async function metricsPort(): Promise<Settings> {
  return { FARM_METRICS_PORT: String(await freePort()) };
}

/** The gateway tells metrics where it serves; the others say where they do. */
function targetsOf({ gateway, courier, workers }: Crew): MetricsTarget[] {
  const target = (job: MetricsTarget["job"], process: Supervised<ReadyMessage> | undefined) => {
    const url = process?.ready()[job === "gateway" ? "url" : "metricsUrl"];
    if (process === undefined || typeof url !== "string") return [];
    return [{ job, name: process.name, address: new URL(url).host }];
  };
  return [
    ...target("gateway", gateway),
    ...target("courier", courier),
    ...workers.flatMap((worker) => target("worker", worker)),
  ];
}

async function startOwnRedis(crew: Crew, options: FarmOptions): Promise<string> {
  crew.redis = await startRedis({
    binary: ensureRedis(thisMachine(options.environment.path, options.log)),
    dir: join(options.stateDir, "redis"),
    logPath: join(options.stateDir, "logs", "redis.log"),
    env: options.environment.inherited,
    policy: RESTART_POLICY,
    signal: options.signal,
    log: options.log,
  });
  return crew.redis.ready().url;
}

/** Where receivers on this machine find the pictures, unless the operator says otherwise or the place is not known yet. */
function publicUrl({ environment, host, port }: FarmOptions): Settings {
  const isKnown = port > 0 && !WILDCARDS.has(host);
  if (!isKnown || environment.farm.FARM_PUBLIC_URL !== undefined) return {};
  return { FARM_PUBLIC_URL: `http://${host.includes(":") ? `[${host}]` : host}:${port}` };
}

function portOf(ready: ReadyMessage): string {
  return new URL(String(ready.url)).port;
}

async function drainAll(crew: Crew): Promise<void> {
  await Promise.all(crew.workers.map((worker) => worker.stop(WORKER_DRAIN_MS_MAX)));
  await crew.gateway?.stop(GATEWAY_DRAIN_MS_MAX);
  await crew.courier?.stop(COURIER_DRAIN_MS_MAX);
  await crew.redis?.stop(REDIS_DRAIN_MS_MAX);
}

function killAll(crew: Crew): void {
  for (const process of [...crew.workers, crew.gateway, crew.courier, crew.redis]) process?.kill();
}
