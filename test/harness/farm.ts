import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type FarmProcess, startProcess } from "./processes.js";
import { type RedisServer, startRedis } from "./redis.js";

/** A worker under test with what it said when it was ready. */
export type WorkerProcess = FarmProcess<{ readonly workerId: string; readonly enginePid: number }>;

/** The whole farm as real processes on this machine: Redis, a gateway and workers, in a folder of their own. */
export interface TestFarm extends AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly redis: RedisServer;
  /** Starts one more worker. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<WorkerProcess>;
  readonly workers: readonly WorkerProcess[];
  /** Starts a courier, or one more. */
  startCourier(env?: Readonly<Record<string, string>>): Promise<FarmProcess<true>>;
}

/** How many workers to begin with, and settings for all processes. */
export interface TestFarmOptions {
  readonly workers?: number;
  /** True starts a courier too. */
  readonly courier?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a farm; dispose it with `await using`. */
export async function startTestFarm(options: TestFarmOptions = {}): Promise<TestFarm> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "latentfarm-test-"));
  const redis = await startRedis({ dir: path.join(dataDir, "redis"), aof: true });
  const env = { FARM_REDIS_URL: redis.url, FARM_DATA: dataDir, FARM_LOG_LEVEL: "debug", ...options.env };
  const workers: WorkerProcess[] = [];
  let begun = 0;
  const startWorker = async (extra: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> => {
    const nth = begun++; // Counted before the wait: workers that start side by side need names of their own.
    const worker = await startProcess(
      {
        module: "apps/worker/dist/main.js",
        env: { ...env, FARM_WORKER_ID: `test-${nth}`, ...extra },
        logFile: path.join(dataDir, "logs", `worker-${nth}.log`),
      },
      (message) => ({ workerId: String(message.workerId), enginePid: Number(message.enginePid) }),
    );
    workers.push(worker);
    return worker;
  };
  const couriers: FarmProcess<true>[] = [];
  const startCourier = async (extra: Readonly<Record<string, string>> = {}): Promise<FarmProcess<true>> => {
    const courier = await startProcess(
      {
        module: "apps/courier/dist/main.js",
        env: { ...env, ...extra },
        logFile: path.join(dataDir, "logs", `courier-${couriers.length}.log`),
      },
      () => true as const,
    );
    couriers.push(courier);
    return courier;
  };
  const stops: (() => Promise<void>)[] = [() => redis.stop()];
  const stopAll = async (): Promise<void> => {
    await Promise.all([...workers, ...couriers].map((started) => started.stop()));
    for (const stop of stops.reverse()) await stop();
  };
  const dispose = async (): Promise<void> => {
    await stopAll();
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const gateway = await startProcess(
      {
        module: "apps/gateway/dist/main.js",
        env: { ...env, FARM_PORT: "0" },
        logFile: path.join(dataDir, "logs", "gateway.log"),
      },
      (message) => String(message.url),
    );
    stops.push(() => gateway.stop());
    await Promise.all([
      ...Array.from({ length: options.workers ?? 1 }, () => startWorker()),
      ...(options.courier === true ? [startCourier()] : []),
    ]);
    const url = gateway.ready;
    return { url, dataDir, redis, workers, startWorker, startCourier, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await stopAll(); // The folder stays: its logs say why.
    throw error;
  }
}
