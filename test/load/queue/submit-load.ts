import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import autocannon from "autocannon";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { type Latency, summarizeLatency } from "../measure/summary.js";
import { runOpenLoop } from "./open-loop.js";

/** Sockets of the open loop: as many clients; calls above wait for one, which counts as their latency. */
const OPEN_SOCKETS_MAX = 256;

/** Calls without an answer at once: more than a second's worth means that the gateway has fallen behind. */
const IN_FLIGHT_MAX = 4_000;

/** Milliseconds before an answer counts as failed. */
const ANSWER_MS_MAX = 10_000;

const ACCEPTED = 202;

/** Where and what to post. */
export interface LoadTarget {
  /** The address of the gateway. */
  readonly farmUrl: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** As many clients as connections, each with one call at a time: how much the gateway takes at most. */
export interface ClosedLoopFigures {
  readonly connections: number;
  readonly acceptedPerSecond: number;
  readonly latency: Pick<Latency, "p50" | "p90" | "p99" | "max">;
  readonly refused: number;
}

/** Calls at a fixed rate; latencies from when each was due. */
export interface OpenLoopFigures {
  readonly ratePerSecond: number;
  readonly acceptedPerSecond: number;
  readonly latency: Latency;
  /** How late the generator itself was. */
  readonly late: Latency;
  readonly failed: number;
  readonly unsent: number;
}

/** What the process that makes the load can be asked. */
export type LoadCalls = ReturnType<typeof createLoadRole>;

/** The role `load`: a client of the gateway in a process of its own. */
export function createLoadRole() {
  return { closedLoop, openLoop };
}

async function closedLoop(task: {
  readonly target: LoadTarget;
  readonly connections: number;
  readonly seconds: number;
}): Promise<ClosedLoopFigures> {
  const { target, connections, seconds } = task;
  const result = await autocannon({
    url: `${target.farmUrl}/v1/jobs`,
    method: "POST",
    headers: jsonHeaders(target),
    body: target.body,
    connections,
    duration: seconds,
  });
  if (result["2xx"] === 0) throw new Error(`Cannot measure submits: none of ${result.non2xx} was accepted`);
  const { p50, p90, p99, max } = result.latency;
  return {
    connections,
    acceptedPerSecond: result["2xx"] / result.duration,
    latency: { p50, p90, p99, max },
    refused: result.non2xx + result.errors,
  };
}

async function openLoop(task: {
  readonly target: LoadTarget;
  readonly ratePerSecond: number;
  readonly seconds: number;
}): Promise<OpenLoopFigures> {
  const { target, ratePerSecond, seconds } = task;
  const agent = new Agent({ keepAlive: true, maxSockets: OPEN_SOCKETS_MAX });
  try {
    const result = await runOpenLoop({
      ratePerSecond,
      count: Math.round(ratePerSecond * seconds),
      inFlightMax: IN_FLIGHT_MAX,
      send: () => post(agent, target),
      clock: { nowMs: sharedNowMs, sleep: (ms) => delay(ms) },
    });
    return {
      ratePerSecond,
      acceptedPerSecond: result.latenciesMs.length / (result.elapsedMs / 1_000),
      latency: summarizeLatency(result.latenciesMs),
      late: summarizeLatency(result.lateMs),
      failed: result.failed,
      unsent: result.unsent,
    };
  } finally {
    agent.destroy();
  }
}

/** Not `fetch`: it costs the shared cores several times as much a call. */
function post(agent: Agent, target: LoadTarget): Promise<boolean> {
  const headers = { ...jsonHeaders(target), "content-length": Buffer.byteLength(target.body) };
  return new Promise((resolve, reject) => {
    const call = request(
      `${target.farmUrl}/v1/jobs`,
      { method: "POST", agent, headers, timeout: ANSWER_MS_MAX },
      (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode === ACCEPTED));
        response.once("error", reject);
      },
    );
    call.once("timeout", () => call.destroy(new Error("no answer in time")));
    call.once("error", reject);
    call.end(target.body);
  });
}

function jsonHeaders({ headers }: LoadTarget): Record<string, string> {
  return { "content-type": "application/json", ...headers };
}
