import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { sharedNowMs } from "../measure/monotonic-clock.js";
import { readMachineBusyMs } from "../measure/processor-time.js";
import { formatTable } from "../measure/report.js";
import { type RoleProcess, startRole } from "../measure/role-process.js";
import { type BenchRedis, startBenchRedis } from "./bench-redis.js";
import type { FleetLoadCalls } from "./fleet-load.js";
import { type FleetSample, findBottleneck, keepsUp, projectRedis } from "./fleet-verdict.js";
import type { FleetCalls, FleetShare } from "./fleet-workers.js";

const MODEL = "bench";

/** Processes that the workers are shared out over; more would only add to what two cores hold. */
const PROCESSES = 4;

/** Frames in flight of one worker, and what one takes: 2,000 a second by all of 1,000 workers if the queue were free. */
const CONCURRENCY = 4;
const FRAME_MS = 2_000;
const JITTER = 0.25;

const FRAMES_PER_JOB = 4;

/** Frames a second that are asked for, one after another until the farm does not keep up. */
const DEMANDS: readonly number[] = [50, 100, 150, 200, 300, 400, 600, 800, 1_200, 1_600];

/** Seconds in which a new demand fills the workers, and those that are measured. */
const SETTLE_SECONDS = 6;
const HOLD_SECONDS = 12;

/** Tries of one demand: other work on the machine may have spoilt the first. */
const TRIES = 2;

/** Seconds without any frame: what the fleet costs by being there. */
const IDLE_SECONDS = 10;

/** One demand. */
export interface FleetStep {
  readonly demandPerSecond: number;
  readonly donePerSecond: number;
  readonly keptUp: boolean;
  readonly failedSubmits: number;
  /** Shares of one core. */
  readonly redisCores: number;
  readonly workersCores: number;
  readonly machineCores: number;
  readonly commandsPerFrame: number;
  /** Of Redis's main thread. */
  readonly redisMsPerFrame: number;
  readonly bottleneck: string | null;
  readonly sample: FleetSample;
}

/** A fleet on one Redis. */
export interface FleetFigures {
  readonly workers: number;
  readonly progress: boolean;
  readonly clients: number;
  /** Shares of one core while no frame is queued. */
  readonly idleRedisCores: number;
  readonly idleWorkersCores: number;
  readonly steps: readonly FleetStep[];
  /** The highest demand that was kept up with. */
  readonly sustainedPerSecond: number;
  /** By Redis's processor time a frame at that demand. */
  readonly redisAlonePerSecond: number;
}

/** What kind of fleet. */
export interface FleetOptions {
  readonly workers: number;
  /** Whether the workers tell their steps, 5 times a second and frame as real ones do. */
  readonly progress: boolean;
}

interface Fleet {
  readonly redis: BenchRedis;
  readonly load: RoleProcess<FleetLoadCalls>;
  readonly processes: readonly RoleProcess<FleetCalls>[];
  readonly workers: number;
}

/** Raises the demand on a fleet of workers until its backlog grows. */
export async function measureFleet({ workers, progress }: FleetOptions): Promise<FleetFigures> {
  await using redis = await startBenchRedis();
  await using load = startRole<FleetLoadCalls>("fleet-load");
  await load.call("start", redis.url);
  const processes = Array.from({ length: PROCESSES }, () => startRole<FleetCalls>("fleet"));
  const fleet = { redis, load, processes, workers };
  try {
    await startWorkers(fleet, progress);
    const { clients } = await redis.figures();
    const idle = await sampleWhile(fleet, { framesPerSecond: 0, seconds: IDLE_SECONDS });
    const steps = await raiseDemand(fleet);
    const best = steps.findLast(({ keptUp }) => keptUp);
    const last = best ?? steps.at(-1);
    return {
      workers,
      progress,
      clients,
      idleRedisCores: coresOf(idle.sample.redisMs, idle.sample),
      idleWorkersCores: coresOf(idle.sample.workersMs, idle.sample),
      steps,
      sustainedPerSecond: best?.donePerSecond ?? 0,
      redisAlonePerSecond: last === undefined ? 0 : projectRedis(last.sample),
    };
  } finally {
    await Promise.all(processes.map((role) => role[Symbol.asyncDispose]()));
  }
}

/** The figures as a table for people. */
export function formatFleet(fleets: readonly FleetFigures[]): string {
  return fleets.map(formatOne).join("\n\n");
}

function formatOne(figures: FleetFigures): string {
  const table = formatTable(
    [
      "frames/s asked",
      "done",
      "kept up",
      "Redis cores",
      "workers' cores",
      "all cores",
      "commands a frame, in scripts too",
      "Redis ms a frame",
    ],
    figures.steps.map((step) => [
      step.demandPerSecond,
      step.donePerSecond.toFixed(0),
      step.keptUp ? "yes" : "no",
      ...[step.redisCores, step.workersCores, step.machineCores].map((cores) => cores.toFixed(2)),
      step.commandsPerFrame.toFixed(0),
      step.redisMsPerFrame.toFixed(2),
    ]),
  );
  const last = figures.steps.at(-1);
  return [
    `${figures.workers.toLocaleString("en")} workers with ${CONCURRENCY} frames of ${FRAME_MS} ms in flight each, ` +
      `${figures.progress ? "steps told five times a second" : "no steps told"}, jobs of ${FRAMES_PER_JOB}; ` +
      `${figures.clients} connections. Idle: Redis ${figures.idleRedisCores.toFixed(2)} of a core, ` +
      `the workers' side ${figures.idleWorkersCores.toFixed(2)}.`,
    table,
    `Kept up with ${figures.sustainedPerSecond.toFixed(0)} frames/s. ` +
      (last?.keptUp === false ? `Then gave out: ${last.bottleneck ?? "nothing was used up"}. ` : "") +
      `By its processor time a frame, a Redis with a core of its own does ${figures.redisAlonePerSecond.toFixed(0)} frames/s.`,
  ].join("\n\n");
}

async function startWorkers({ redis, processes, workers }: Fleet, progress: boolean): Promise<void> {
  const each = Math.ceil(workers / processes.length);
  await Promise.all(
    processes.map((role, index) => {
      const share: FleetShare = {
        redisUrl: redis.url,
        model: MODEL,
        firstWorker: index * each,
        workers: Math.min(each, workers - index * each),
        concurrency: CONCURRENCY,
        frame: { frameMs: FRAME_MS, jitter: JITTER, progress },
      };
      return role.call("start", share);
    }),
  );
}

async function raiseDemand(fleet: Fleet): Promise<FleetStep[]> {
  const steps: FleetStep[] = [];
  for (const demand of DEMANDS) {
    let step = await measureStep(fleet, demand);
    for (let tries = 1; tries < TRIES && !step.keptUp; tries++) step = await measureStep(fleet, demand);
    steps.push(step);
    if (!step.keptUp) break;
  }
  return steps;
}

async function measureStep(fleet: Fleet, demandPerSecond: number): Promise<FleetStep> {
  const asked = { framesPerSecond: demandPerSecond, framesPerJob: FRAMES_PER_JOB };
  const submits = fleet.load.call("submit", { ...asked, seconds: SETTLE_SECONDS + HOLD_SECONDS });
  await delay(SETTLE_SECONDS * 1_000);
  const { sample, commands } = await sampleWhile(fleet, {
    framesPerSecond: demandPerSecond,
    seconds: HOLD_SECONDS,
  });
  return {
    demandPerSecond,
    donePerSecond: sample.doneFrames / sample.seconds,
    keptUp: keepsUp(sample),
    failedSubmits: await submits,
    redisCores: coresOf(sample.redisMs, sample),
    workersCores: coresOf(sample.workersMs, sample),
    machineCores: coresOf(sample.machineMs, sample),
    commandsPerFrame: commands / Math.max(sample.doneFrames, 1),
    redisMsPerFrame: sample.redisMainMs / Math.max(sample.doneFrames, 1),
    bottleneck: findBottleneck(sample) ?? null,
    sample,
  };
}

async function sampleWhile(
  fleet: Fleet,
  { framesPerSecond, seconds }: { readonly framesPerSecond: number; readonly seconds: number },
): Promise<{ readonly sample: FleetSample; readonly commands: number }> {
  const before = await look(fleet);
  await delay(seconds * 1_000);
  const after = await look(fleet);
  const between = (name: keyof typeof before): number => after[name] - before[name];
  const elapsed = between("atMs") / 1_000;
  return {
    commands: between("commands"),
    sample: {
      seconds: elapsed,
      cores: availableParallelism(),
      demandedFrames: framesPerSecond * elapsed,
      doneFrames: between("done"),
      // By what was asked, not by what was taken in: a submit that hangs is backlog too.
      backlogGrowth: framesPerSecond * elapsed - between("done"),
      redisMainMs: between("redisMainMs"),
      redisMs: between("redisMs"),
      workersMs: between("workersMs"),
      submitterMs: between("submitterMs"),
      machineMs: between("machineMs"),
      capacityFrames: (fleet.workers * CONCURRENCY * elapsed * 1_000) / FRAME_MS,
    },
  };
}

async function look({ redis, load, processes }: Fleet) {
  const [states, submitter, figures] = await Promise.all([
    Promise.all(processes.map((role) => role.call("state", undefined))),
    load.call("state", undefined),
    redis.figures(),
  ]);
  return {
    atMs: sharedNowMs(),
    done: states.reduce((sum, { done }) => sum + done, 0),
    workersMs: states.reduce((sum, { processorMs }) => sum + processorMs, 0),
    submitterMs: submitter.processorMs,
    redisMs: figures.processorMs,
    redisMainMs: figures.mainThreadMs,
    machineMs: readMachineBusyMs(),
    commands: figures.commands,
  };
}

function coresOf(processorMs: number, { seconds }: FleetSample): number {
  return processorMs / (seconds * 1_000);
}
