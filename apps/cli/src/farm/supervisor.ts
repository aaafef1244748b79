import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { FarmError } from "@latentfarm/contract";
import { EXIT } from "../failure.js";

/** How one process of the farm is started, and when it counts as ready. */
export interface ProcessPlan<Ready> {
  /** The name in log lines. */
  readonly name: string;
  /** Starts the process; `last` is what it said the last time it was ready, so that a restart keeps its port. */
  spawn(last: Ready | undefined): ChildProcess;
  /** Resolves when the process serves; the signal aborts when it has ended first or took too long. */
  whenReady(child: ChildProcess, signal: AbortSignal): Promise<Ready>;
  /** The end of its log, for the message of a failed start. */
  logTail(): string;
}

/** When and how fast a process is started again. Milliseconds. */
export interface RestartPolicy {
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
  /** A process that ran this long was healthy: the next delay is the first one again. */
  readonly healthyMs: number;
  readonly readyMsMax: number;
}

/**
 * Half a second lets a port or lock go; half a minute is what a person waits for a broken disk or model to be mended
 * without the log filling; two minutes cover the load of a full FP8 set from a slow disk.
 */
export const RESTART_POLICY: RestartPolicy = {
  firstDelayMs: 500,
  delayMsMax: 30_000,
  healthyMs: 60_000,
  readyMsMax: 120_000,
};

/** What a supervised process is given from outside. */
export interface SuperviseOptions {
  readonly policy: RestartPolicy;
  /** Aborts the first start; later restarts end with `stop()`. */
  readonly signal: AbortSignal;
  log(line: string): void;
}

/** A process that is kept running. */
export interface Supervised<Ready> {
  readonly name: string;
  /** The process id of the present life; undefined between two. */
  pid(): number | undefined;
  /** What the process said when it was last ready. */
  ready(): Ready;
  /** Asks the process to end and waits; kills it after the deadline. No restart follows. */
  stop(deadlineMs: number): Promise<void>;
  /** Kills the process at once. No restart follows. */
  kill(): void;
}

/**
 * Starts a process and keeps it running: when it ends, it is started again with a growing delay, and the log says so.
 * @throws {FarmError} internal the first start failed; canceled the signal aborted it
 */
export async function supervise<Ready>(
  plan: ProcessPlan<Ready>,
  options: SuperviseOptions,
): Promise<Supervised<Ready>> {
  const stopping = new AbortController();
  const life = { child: plan.spawn(undefined) };
  let ready = await startedOf(
    plan,
    life.child,
    AbortSignal.any([options.signal, stopping.signal]),
    options.policy,
  );
  const loop = keepRunning();
  return {
    name: plan.name,
    pid: () => (hasEnded(life.child) ? undefined : life.child.pid),
    ready: () => ready,
    async stop(deadlineMs) {
      stopping.abort();
      await endChild(life.child, deadlineMs);
      await loop;
    },
    kill() {
      stopping.abort();
      life.child.kill("SIGKILL");
    },
  };

  async function keepRunning(): Promise<void> {
    let delayMs = options.policy.firstDelayMs;
    let startedMs = performance.now();
    while (true) {
      await ended(life.child);
      if (stopping.signal.aborted) return;
      if (performance.now() - startedMs >= options.policy.healthyMs) delayMs = options.policy.firstDelayMs;
      options.log(`${plan.name} ended (${endingOf(life.child)}); starting it again in ${delayMs} ms`);
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      delayMs = Math.min(delayMs * 2, options.policy.delayMsMax);
      startedMs = performance.now();
      life.child = plan.spawn(ready);
      try {
        ready = await startedOf(plan, life.child, stopping.signal, options.policy);
        options.log(`${plan.name} runs again (process ${life.child.pid})`);
      } catch (error) {
        if (!stopping.signal.aborted) options.log(error instanceof Error ? error.message : String(error));
      }
    }
  }
}

/** Asks a process to end and waits for it; kills it after the deadline. */
export async function endChild(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (hasEnded(child)) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  await ended(child);
  clearTimeout(timer);
}

async function startedOf<Ready>(
  plan: ProcessPlan<Ready>,
  child: ChildProcess,
  signal: AbortSignal,
  policy: RestartPolicy,
): Promise<Ready> {
  const over = new AbortController();
  const timeout = AbortSignal.timeout(policy.readyMsMax);
  void ended(child).then(() => over.abort());
  const giveUp = AbortSignal.any([signal, over.signal, timeout]);
  try {
    return await Promise.race([plan.whenReady(child, giveUp), rejectOn(giveUp)]);
  } catch (cause) {
    child.kill("SIGKILL");
    await ended(child);
    if (signal.aborted) throw new FarmError("canceled", `Cannot start ${plan.name} as the farm is stopping`);
    const why = timeout.aborted
      ? `not ready within ${policy.readyMsMax} ms`
      : `it ended (${endingOf(child)})`;
    const failure =
      over.signal.aborted || timeout.aborted ? why : cause instanceof Error ? cause.message : why;
    // What the process itself calls a wrong setting is one here: the call must be changed, not repeated.
    const code = child.exitCode === EXIT.usage ? "config_invalid" : "internal";
    throw new FarmError(code, `Cannot start ${plan.name}: ${failure}\n${plan.logTail()}`.trimEnd(), {
      cause,
    });
  }
}

function rejectOn(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

async function ended(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  await once(child, "exit").catch(() => undefined);
}

function endingOf(child: ChildProcess): string {
  if (child.pid === undefined) return "it could not be started";
  return child.signalCode === null ? `status ${child.exitCode}` : `signal ${child.signalCode}`;
}
