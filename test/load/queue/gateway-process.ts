import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { connectQueue, type Farm } from "@latentfarm/queue";
import { startProcess } from "../../harness/index.js";
import { announceWorkers } from "./announced-workers.js";
import { type BenchRedis, startBenchRedis } from "./bench-redis.js";

/** A gateway without workers, as a real process with its real logs; its workers are only announced. */
export interface GatewayProcess extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly redis: BenchRedis;
  /** This process's own way into the farm. */
  readonly farm: Farm;
  readonly model: string;
}

/** What the gateway is started with. */
export interface GatewayOptions {
  /** For its Node. */
  readonly nodeFlags?: readonly string[];
  /** Workers that say that they are there. */
  readonly workers?: number;
}

/** Starts Redis and a gateway in a folder of their own; dispose it with `await using`. */
export async function startGatewayProcess(options: GatewayOptions = {}): Promise<GatewayProcess> {
  const { nodeFlags = [], workers = 1 } = options;
  const model = "bench";
  const dataDir = await mkdtemp(path.join(tmpdir(), "latentfarm-bench-"));
  const ends: (() => unknown)[] = [() => rm(dataDir, { recursive: true, force: true })];
  const dispose = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const redis = await startBenchRedis();
    ends.push(() => redis[Symbol.asyncDispose]());
    const farm = await connectQueue({ redisUrl: redis.url });
    ends.push(() => farm[Symbol.asyncDispose]());
    const announced = await announceWorkers(farm, { model, workers });
    ends.push(() => announced[Symbol.dispose]());
    const env = { FARM_REDIS_URL: redis.url, FARM_DATA: dataDir, FARM_PORT: "0" };
    const logFile = path.join(dataDir, "logs", "gateway.log");
    const gateway = await startProcess(
      { module: "apps/gateway/dist/main.js", env, logFile, nodeFlags },
      (message) => String(message.url),
    );
    ends.push(() => gateway.stop());
    const { pid = 0 } = gateway.child;
    return { url: gateway.ready, pid, redis, farm, model, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}
