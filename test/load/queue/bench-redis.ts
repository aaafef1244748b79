import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { startQueueRedis } from "../../queue/farm-fixture.js";

const MS_PER_SECOND = 1_000;

/** Milliseconds between looks whether Redis still rewrites its append-only file. */
const SETTLE_POLL_MS = 100;

/** A rewrite of a gigabyte takes some 10 s on a shared core. */
const SETTLE_MS_MAX = 60_000;

/** What Redis says of itself. */
export interface RedisFigures {
  /** What its data takes, buffers of clients and of the append-only file left out. */
  readonly usedBytes: number;
  /** Processor time of all its threads. */
  readonly processorMs: number;
  /** Of the thread that runs the commands: it is full at one core, whatever the machine has. */
  readonly mainThreadMs: number;
  readonly commands: number;
  readonly clients: number;
}

/** A Redis of a benchmark's own, with the append-only file of a real farm (written each second). */
export interface BenchRedis extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  figures(): Promise<RedisFigures>;
  /** Resolves when no rewrite of the append-only file runs, so that it is not measured by chance. */
  settled(): Promise<void>;
}

/** Starts a Redis; dispose it with `await using`. */
export async function startBenchRedis(): Promise<BenchRedis> {
  const server = await startQueueRedis({ appendfsync: "everysec" });
  const redis = new Redis(server.url);
  const read = async (): Promise<ReadonlyMap<string, number>> => parseInfo(await redis.info());
  const pid = (await read()).get("process_id") ?? 0;
  return {
    url: server.url,
    pid,
    figures: async () => readFigures(await read()),
    async settled() {
      const deadlineMs = performance.now() + SETTLE_MS_MAX;
      while (isRewriting(await read()) && performance.now() < deadlineMs) await delay(SETTLE_POLL_MS);
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

function readFigures(info: ReadonlyMap<string, number>): RedisFigures {
  const field = (name: string): number => info.get(name) ?? 0;
  const buffers = field("mem_clients_normal") + field("mem_aof_buffer");
  return {
    usedBytes: field("used_memory") - buffers,
    processorMs: (field("used_cpu_sys") + field("used_cpu_user")) * MS_PER_SECOND,
    mainThreadMs: (field("used_cpu_sys_main_thread") + field("used_cpu_user_main_thread")) * MS_PER_SECOND,
    commands: field("total_commands_processed"),
    clients: field("connected_clients"),
  };
}

function isRewriting(info: ReadonlyMap<string, number>): boolean {
  return info.get("aof_rewrite_in_progress") === 1 || info.get("aof_rewrite_scheduled") === 1;
}

/** The numbers of `INFO`. Source: redis.io, "INFO". */
function parseInfo(text: string): ReadonlyMap<string, number> {
  const pairs = [...text.matchAll(/^([a-z_0-9]+):([0-9.]+)\r?$/gm)];
  return new Map(pairs.map(([, name = "", value]) => [name, Number(value)]));
}
