import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  faultyEnvironment,
  freePort,
  type ProcessFault,
  type RedisServer,
  type Supervised,
  startProcess,
  startRedis,
  startTcpProxy,
  supervise,
  type TcpProxy,
} from "../../harness/index.js";
import { ROLES, type Role } from "./plan.js";

/** One process of the farm with its own way to Redis. */
export interface Member {
  readonly role: Role;
  readonly name: string;
  readonly proxy: TcpProxy;
  readonly process: Supervised<Readonly<Record<string, unknown>>>;
}

/** A farm that can be hurt in every part, and mends itself as one under a service manager does. */
export interface StormFarm extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly redis: RedisServer;
  readonly dataDir: string;
  readonly members: Readonly<Record<Role, readonly Member[]>>;
  /** Leaves the farm's folder when it ends, since its logs say why something was wrong. */
  keepFolder(): void;
  /** Tells processes of a role to go wrong in a way, or to be well again. */
  inject(members: readonly Member[], fault: Omit<ProcessFault, "type">): void;
}

/** How many processes of each role, and settings of all of them. */
export interface StormFarmOptions {
  readonly counts: Readonly<Record<Role, number>>;
  readonly env?: Readonly<Record<string, string>>;
}

const MODULES: Readonly<Record<Role, string>> = {
  gateway: "apps/gateway/dist/main.js",
  worker: "apps/worker/dist/main.js",
  courier: "apps/courier/dist/main.js",
};

/** Starts it; dispose it with `await using`. */
export async function startStormFarm(options: StormFarmOptions): Promise<StormFarm> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "latentfarm-storm-"));
  const redis = await startRedis({ dir: path.join(dataDir, "redis"), aof: true });
  const members: Record<Role, readonly Member[]> = { gateway: [], worker: [], courier: [] };
  const urls: string[] = [];
  let isKept = false;
  const stopAll = async (): Promise<void> => {
    const all = ROLES.flatMap((role) => members[role]);
    await Promise.all(all.map(({ process }) => process.stop()));
    await Promise.all(all.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
    await redis.stop();
  };
  try {
    for (const role of ROLES) {
      const ports = await Promise.all(Array.from({ length: options.counts[role] }, freePort));
      if (role === "gateway") urls.push(...ports.map((port) => `http://127.0.0.1:${port}`));
      members[role] = await Promise.all(
        ports.map((port, nth) => startMember({ role, nth, port, dataDir, redis, env: options.env ?? {} })),
      );
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return {
    ...{ urls, redis, dataDir, members },
    inject(targets, fault) {
      for (const { process } of targets) {
        // A process that ends at this moment takes no more faults.
        if (process.current?.child.connected)
          process.current.child.send({ type: "fault", ...fault }, () => undefined);
      }
    },
    keepFolder() {
      isKept = true;
    },
    async [Symbol.asyncDispose]() {
      await stopAll();
      if (!isKept) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function startMember(member: {
  readonly role: Role;
  readonly nth: number;
  readonly port: number;
  readonly dataDir: string;
  readonly redis: RedisServer;
  readonly env: Readonly<Record<string, string>>;
}): Promise<Member> {
  const { role, nth, port, dataDir, redis, env } = member;
  const name = `${role}-${nth}`;
  const proxy = await startTcpProxy(Number(new URL(redis.url).port));
  const process = await supervise(() =>
    startProcess(
      {
        module: MODULES[role],
        env: {
          FARM_REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
          FARM_DATA: dataDir,
          FARM_LOG_LEVEL: "debug",
          ...(role === "gateway" ? { FARM_PORT: String(port) } : {}),
          ...(role === "worker" ? { FARM_WORKER_ID: name } : {}),
          ...faultyEnvironment(),
          ...env,
        },
        logFile: logOf(dataDir, name),
      },
      (message) => message,
    ),
  );
  return { role, name, proxy, process };
}

function logOf(dataDir: string, name: string): string {
  return path.join(dataDir, "logs", `${name}.log`);
}

/** The process ids of a worker's engine: its only children. */
export async function enginesOf({ process }: Member): Promise<number[]> {
  const worker = process.current;
  if (worker?.child.pid === undefined) return [];
  const { pid } = worker.child;
  try {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return children
      .split(/\s+/)
      .filter((text) => text !== "")
      .map(Number);
  } catch {
    // Not on Linux: the first engine is all that is known.
    return [Number(worker.ready.enginePid)];
  }
}
