import { readProcessorMs } from "../measure/processor-time.js";
import { formatTable } from "../measure/report.js";
import { startRole } from "../measure/role-process.js";
import { BENCH_PROMPT } from "./bench-jobs.js";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.js";
import type { ClosedLoopFigures, LoadCalls, LoadTarget, OpenLoopFigures } from "./submit-load.js";

/** Accepted jobs a second that the farm aims at, gateway, Redis and clients on two cores. */
export const ACCEPTED_PER_SECOND_AIM = 1_500;

/** Milliseconds that 99 of 100 answers may take at half that rate. */
export const SUBMIT_P99_MS_AIM = 50;

/** Calls a second of the open loop: half the aim. */
const OPEN_RATE = ACCEPTED_PER_SECOND_AIM / 2;

/** Workers of a large farm: the gateway looks at all of them when it says when a job will be done. */
const WORKERS_MANY = 1_000;

const KINDS: readonly Pick<SubmitVariant, "keys" | "workers">[] = [
  { keys: false, workers: 1 },
  { keys: true, workers: 1 },
  { keys: true, workers: WORKERS_MANY },
];

const CONNECTIONS: readonly number[] = [16, 64];

/** Compiled code and open sockets come with the first thousands of calls. */
const WARM_UP = { connections: 16, seconds: 3 };

const SECONDS = 10;
const OPEN_SECONDS = 15;

/** One kind of farm, as a client meets it. */
export interface SubmitVariant {
  /** Whether the client shows a key. */
  readonly keys: boolean;
  /** Workers that are announced. */
  readonly workers: number;
  readonly closed: readonly ClosedLoopFigures[];
  readonly open: OpenLoopFigures;
  /** Milliseconds of processor time for each job of the open loop. */
  readonly gatewayMsPerJob: number;
  readonly redisMsPerJob: number;
}

/** What submitting costs. */
export interface SubmitFigures {
  readonly variants: readonly SubmitVariant[];
}

/** Posts one job after another to a gateway of a fresh farm: without keys, with one, and with many workers. */
export async function measureSubmit(): Promise<SubmitFigures> {
  const variants: SubmitVariant[] = [];
  for (const kind of KINDS) variants.push(await measureVariant(kind));
  return { variants };
}

/** A kind of farm in words. */
export function nameVariant({ keys, workers }: Pick<SubmitVariant, "keys" | "workers">): string {
  return `${keys ? "with a key" : "without keys"}, ${workers.toLocaleString("en")} ${workers === 1 ? "worker" : "workers"}`;
}

/** The figures as a table for people. */
export function formatSubmit({ variants }: SubmitFigures): string {
  const ms = (value: number) => value.toFixed(1);
  const closed = variants.flatMap((variant) =>
    variant.closed.map((row) => [
      `closed loop, ${row.connections} clients, ${nameVariant(variant)}`,
      row.acceptedPerSecond.toFixed(0),
      ms(row.latency.p50),
      ms(row.latency.p90),
      ms(row.latency.p99),
      ms(row.latency.max),
      row.refused,
    ]),
  );
  const open = variants.map(({ open: row, ...variant }) => [
    `open loop, ${row.ratePerSecond}/s, ${nameVariant(variant)}`,
    row.acceptedPerSecond.toFixed(0),
    ms(row.latency.p50),
    ms(row.latency.p90),
    ms(row.latency.p99),
    ms(row.latency.max),
    row.failed + row.unsent,
  ]);
  const costs = variants.map(
    ({ gatewayMsPerJob, redisMsPerJob, open: { late }, ...variant }) =>
      `${nameVariant(variant)}: ${gatewayMsPerJob.toFixed(2)} ms of the gateway's processor time a job in the open loop, ` +
      `${redisMsPerJob.toFixed(2)} ms of Redis's; the generator sent ${ms(late.p99)} ms late at p99, which is part of the latencies.`,
  );
  return [
    formatTable(
      ["submit", "accepted/s", "p50 ms", "p90 ms", "p99 ms", "max ms", "not accepted"],
      [...closed, ...open],
    ),
    ...costs,
  ].join("\n\n");
}

/** What is posted: a job of one picture. */
export function submitTarget(gateway: Pick<GatewayProcess, "url" | "model">, key?: string): LoadTarget {
  return {
    farmUrl: gateway.url,
    body: JSON.stringify({ model: gateway.model, prompt: BENCH_PROMPT }),
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  };
}

async function measureVariant(kind: Pick<SubmitVariant, "keys" | "workers">): Promise<SubmitVariant> {
  await using gateway = await startGatewayProcess({ workers: kind.workers });
  await using load = startRole<LoadCalls>("load");
  const target = submitTarget(gateway, kind.keys ? await makeKey(gateway) : undefined);
  await load.call("closedLoop", { target, ...WARM_UP });
  const closed: ClosedLoopFigures[] = [];
  for (const connections of CONNECTIONS) {
    closed.push(await load.call("closedLoop", { target, connections, seconds: SECONDS }));
  }
  const before = await readCosts(gateway);
  const open = await load.call("openLoop", { target, ratePerSecond: OPEN_RATE, seconds: OPEN_SECONDS });
  const after = await readCosts(gateway);
  const jobs = open.latency.count;
  return {
    ...kind,
    closed,
    open,
    gatewayMsPerJob: (after.gatewayMs - before.gatewayMs) / jobs,
    redisMsPerJob: (after.redisMs - before.redisMs) / jobs,
  };
}

async function makeKey({ farm }: GatewayProcess): Promise<string> {
  const request = { tenant: "bench", name: "bench", scopes: ["submit" as const], requests_per_minute: null };
  return (await farm.access.createKey(request, "cli:bench")).key;
}

async function readCosts({ pid, redis }: GatewayProcess): Promise<{ gatewayMs: number; redisMs: number }> {
  return { gatewayMs: readProcessorMs(pid), redisMs: (await redis.figures()).processorMs };
}
