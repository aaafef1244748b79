import { setTimeout as delay } from "node:timers/promises";
import { type JobId, jobPath, TENANT_DEFAULT } from "@latentfarm/contract";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { readProcessMemory } from "../measure/process-memory.js";
import { readProcessorMs } from "../measure/processor-time.js";
import { formatTable, megabytes } from "../measure/report.js";
import { type RoleProcess, startRole } from "../measure/role-process.js";
import { type Latency, summarizeLatency } from "../measure/summary.js";
import { benchJob } from "./bench-jobs.js";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.js";
import type { ListenerCalls } from "./listeners.js";

/** Listeners besides those of the last level; the gateway takes 4,096 connections (apps/gateway, limits.ts). */
const LEVELS: readonly number[] = [100, 1_000, 2_000, 4_000];

/** Seconds of silence; the heartbeat of every stream, each 15 s, falls into them once. */
const IDLE_SECONDS = 15;

/** Milliseconds after the last stream has opened, in which the gateway may give back what opening took. */
const SETTLE_MS = 5_000;

/** Jobs of each level that end while the others are silent. */
const EVENTS = 80;

/** Milliseconds between them. */
const PAUSE_MS = 25;

/** So many listeners, each to a job of its own. */
export interface ListenerLevel {
  readonly listeners: number;
  readonly privateBytes: number;
  /** Against the first level, by when the gateway has grown to its working size; null for that one. */
  readonly bytesPerListener: number | null;
  /** Shares of one core while nothing happens. */
  readonly gatewayCores: number;
  readonly redisCores: number;
  /** From the call that cancels a job to its event at the listener. */
  readonly event: Latency;
}

/** Idle listeners on one gateway. */
export interface SseFigures {
  readonly levels: readonly ListenerLevel[];
}

/** How many. */
export interface SseOptions {
  readonly listenersMax?: number;
}

/** Opens ever more event streams of queued jobs on one gateway. */
export async function measureSse({ listenersMax = 4_000 }: SseOptions = {}): Promise<SseFigures> {
  await using gateway = await startGatewayProcess();
  await using clients = startRole<ListenerCalls>("listeners");
  const levels: ListenerLevel[] = [];
  const listening: JobId[] = [];
  for (const listeners of LEVELS.filter((count) => count <= listenersMax)) {
    const ids = await submitJobs(gateway, listeners - listening.length);
    const paths = ids.map(eventsPath);
    await clients.call("open", { farmUrl: gateway.url, paths, headers: {} });
    listening.push(...ids);
    levels.push(await measureLevel({ gateway, clients, listening, first: levels[0] }));
  }
  await clients.call("close", undefined);
  return { levels };
}

/** The figures as a table for people. */
export function formatSse({ levels }: SseFigures): string {
  return formatTable(
    [
      "listeners",
      "gateway private",
      "kB each",
      "gateway cores",
      "Redis cores",
      "event p50 ms",
      "p95 ms",
      "max ms",
    ],
    levels.map(({ listeners, privateBytes: bytes, bytesPerListener, gatewayCores, redisCores, event }) => [
      listeners.toLocaleString("en"),
      megabytes(bytes),
      bytesPerListener === null ? "" : (bytesPerListener / 1_000).toFixed(1),
      gatewayCores.toFixed(3),
      redisCores.toFixed(3),
      ...[event.p50, event.p95, event.max].map((ms) => ms.toFixed(1)),
    ]),
  );
}

async function measureLevel(level: {
  readonly gateway: GatewayProcess;
  readonly clients: RoleProcess<ListenerCalls>;
  /** Those that are canceled leave. */
  readonly listening: JobId[];
  readonly first: ListenerLevel | undefined;
}): Promise<ListenerLevel> {
  const { gateway, clients, listening, first } = level;
  const listeners = listening.length;
  await delay(SETTLE_MS);
  const before = await readCosts(gateway);
  await delay(IDLE_SECONDS * 1_000);
  const after = await readCosts(gateway);
  const bytes = privateBytes(gateway);
  const elapsedMs = after.atMs - before.atMs;
  const latencies: number[] = [];
  for (const id of listening.splice(0, EVENTS)) {
    const calledMs = sharedNowMs();
    await gateway.farm.cancel(id);
    latencies.push((await clients.call("endOf", eventsPath(id))) - calledMs);
    await delay(PAUSE_MS);
  }
  return {
    listeners,
    privateBytes: bytes,
    bytesPerListener:
      first === undefined ? null : (bytes - first.privateBytes) / (listeners - first.listeners),
    gatewayCores: (after.gatewayMs - before.gatewayMs) / elapsedMs,
    redisCores: (after.redisMs - before.redisMs) / elapsedMs,
    event: summarizeLatency(latencies),
  };
}

async function submitJobs({ farm, model }: GatewayProcess, count: number): Promise<JobId[]> {
  // A client without a key sees the jobs of this tenant alone.
  const tenant = { name: TENANT_DEFAULT, weight: 1, limits: {} };
  const jobs = Array.from({ length: count }, (_, index) => ({ ...benchJob(model, index), tenant }));
  for (const job of jobs) await farm.submit(job);
  return jobs.map(({ id }) => id);
}

async function readCosts({ pid, redis }: GatewayProcess) {
  const { processorMs } = await redis.figures();
  return { atMs: sharedNowMs(), gatewayMs: readProcessorMs(pid), redisMs: processorMs };
}

function privateBytes({ pid }: GatewayProcess): number {
  return readProcessMemory(pid)?.privateBytes ?? 0;
}

function eventsPath(id: JobId): string {
  return `${jobPath(id)}/events`;
}
