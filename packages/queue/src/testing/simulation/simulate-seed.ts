import type { Redis } from "ioredis";
import { memberOf } from "./bull-model.js";
import { createAttemptsCheck } from "./check-attempts.js";
import { checkBooks, checkLoad } from "./check-books.js";
import { checkEnd } from "./check-end.js";
import { createLogCheck, type Told } from "./check-log.js";
import { createPlacesCheck } from "./check-places.js";
import { createSharesCheck } from "./check-shares.js";
import { checkStates, createCancelCheck } from "./check-states.js";
import { beClient } from "./client.js";
import { startCourier, startKeeper } from "./keeper.js";
import { makePlan, type Plan } from "./plan.js";
import type { Check, Step, View } from "./view.js";
import type { LoadedScripts } from "./virtual-scripts.js";
import { startWorker } from "./worker.js";
import { type ActorBug, BrokenPromise, type Done, type Process, type ScriptCall, World } from "./world.js";

/** Virtual milliseconds after the last fault by which all must have ended: a frame may take ten workers with it. */
const STUCK_AFTER_MS = 480_000;

/** Milliseconds between looks whether all is done. */
const LOOK_MS = 5_000;

/** What became of a seed. */
export interface SeedReport {
  readonly seed: number;
  readonly calls: number;
  readonly virtualMs: number;
  /** What was wrong; undefined when nothing was. */
  readonly problem: string | undefined;
  /** The last things that happened, or all when the trace was asked for. */
  readonly trace: readonly string[];
}

/** What a seed runs on. */
export interface SimulationContext {
  readonly redis: Redis;
  readonly scripts: LoadedScripts;
  readonly keepsTrace?: boolean;
  readonly bug?: ActorBug;
  /** Aborts when nobody wants to know any more. */
  readonly signal?: AbortSignal;
}

/**
 * Plays one seed to its end: the production scripts in a real Redis, everything around them by virtual time. The same
 * seed plays the same way, whatever runs beside it.
 */
export async function simulateSeed(context: SimulationContext, seed: number): Promise<SeedReport> {
  const plan = makePlan(seed);
  const told: Told = new Map();
  const delivered = new Set<string>();
  const judge = createJudge(plan, told, delivered);
  const world = new World({
    seed,
    plan,
    redis: context.redis,
    scripts: context.scripts,
    keepsTrace: context.keepsTrace ?? false,
    delivered,
    bug: context.bug,
    wanted: (call) => judge.wanted(world, call),
    judge: (done) => judge.judge(world, done),
  });
  let problem: string | undefined;
  try {
    await prepare(context.redis, world);
    populate(world, () => judge.view().outbox.length === 0);
    await play(world, judge.view, context.signal);
    await checkEnd({ redis: context.redis, world, view: judge.view(), told });
  } catch (error) {
    if (!(error instanceof BrokenPromise)) throw error;
    problem = error.message;
  }
  await forget(context.redis, world);
  return {
    seed,
    calls: world.calls,
    virtualMs: world.elapsedMs,
    problem,
    trace: problem === undefined && context.keepsTrace !== true ? [] : world.readTrace(),
  };
}

async function prepare(redis: Redis, { root, plan }: World): Promise<void> {
  for (const { name, weight, runningMax } of plan.tenants) {
    await redis.hset(`${root}:tenant:${name}`, { weight, running_frames_max: runningMax });
  }
}

async function forget(redis: Redis, { root }: World): Promise<void> {
  const keys = await redis.keys(`${root}:*`);
  if (keys.length > 0) await redis.unlink(keys);
}

function populate(world: World, isOutboxEmpty: () => boolean): void {
  const { plan, random } = world;
  const gateways = ["g0", "g1"].map((name) => world.start(name, () => []));
  const outside = world.start("client", () => []);
  world.clients = plan.jobs.length;
  for (const job of plan.jobs) world.spawn(outside, beClient(world, random.pick(gateways), job));
  const workers = plan.workers.map((worker) => startWorker(world, worker));
  const keeper = startKeeper(world);
  const courier = startCourier(world, isOutboxEmpty);
  const mortal: readonly Process[] = [...gateways, ...workers, ...workers, keeper, courier];
  for (let left = plan.crashes; left > 0; left--) {
    const victim = random.pick(mortal);
    world.schedule.after(random.between(500, plan.healAtMs), () => world.crash(victim));
  }
  for (let left = plan.freezes; left > 0; left--) {
    const victim = random.pick(mortal);
    const forMs = random.between(2_000, 30_000);
    world.schedule.after(random.between(500, plan.healAtMs - 1), () => {
      world.note(() => `${victim.name} freezes for ${forMs} ms`);
      victim.frozenUntilMs = world.schedule.nowMs + forMs;
    });
  }
  world.schedule.after(plan.healAtMs, () => {
    world.note(() => "no more faults");
    world.isFaulty = false;
  });
}

async function play(world: World, view: () => View, signal?: AbortSignal): Promise<void> {
  let lookAtMs = LOOK_MS;
  for (;;) {
    const act = world.schedule.next();
    if (act === undefined) return;
    await act();
    if (signal?.aborted) throw new BrokenPromise("it is played to its end");
    if (world.elapsedMs < lookAtMs) continue;
    lookAtMs = world.elapsedMs + LOOK_MS;
    if (world.elapsedMs > world.plan.healAtMs && isDone(world, view())) return;
    if (world.elapsedMs > world.plan.healAtMs + STUCK_AFTER_MS) {
      throw new BrokenPromise(
        `everything ends: after 8 minutes without faults ${describeRest(world, view())}`,
      );
    }
  }
}

function isDone(world: World, view: View): boolean {
  return describeRest(world, view) === undefined;
}

/** What is not yet done; undefined when all is. */
function describeRest(world: World, view: View): string | undefined {
  if (world.clients > 0) return `${world.clients} clients wait`;
  if (view.outbox.length > 0) return `the outbox holds ${view.outbox.join(" ")}`;
  for (const [id, { record, isUnfiled }] of Object.entries(view.jobs)) {
    if (record.finished_ms === undefined) return `job ${id} is ${record.status}`;
    if (isUnfiled) return `the history of job ${id} is unwritten`;
  }
  for (const [name, { released, load }] of Object.entries(view.models)) {
    if (released.length > 0) return `frames ${released.join(" ")} of ${name} lie released`;
    if (Object.keys(load).length > 0) return `the load of ${name} is ${JSON.stringify(load)}`;
  }
  const left = [...world.bulls].find(([, { size }]) => size > 0);
  return left === undefined ? undefined : `BullMQ holds ${left[1].size} frames of ${left[0]}`;
}

interface Judge {
  readonly wanted: (world: World, call: ScriptCall) => string;
  readonly judge: (world: World, done: Done) => void;
  readonly view: () => View;
}

function createJudge(plan: Plan, told: Told, delivered: ReadonlySet<string>): Judge {
  const checks: readonly Check[] = [
    createAttemptsCheck(),
    checkStates,
    createCancelCheck(),
    createLogCheck(told, delivered),
    checkBooks,
    createPlacesCheck(plan.tenants),
    checkLoad,
    createSharesCheck(plan),
  ];
  const tenants = plan.tenants.map(({ name }) => name);
  const models = plan.models;
  let view: View = { jobs: {}, tenants: {}, models: {}, usage: {}, outbox: [], snapshot: undefined };
  return {
    view: () => view,
    wanted({ root }, { name, about }) {
      const ids = about.job === undefined || name === "release" ? Object.keys(view.jobs) : [about.job];
      const jobs = Object.fromEntries(ids.map((id) => [id, numberIn(view, id)]));
      return JSON.stringify({ root, jobs, tenants, models, snapshot: about.snapshot });
    },
    judge(world, { call, answer, seen }) {
      const before = view;
      const jobs = Object.entries(seen.jobs).filter(([, job]) => job.record.status !== undefined);
      view = { ...seen, jobs: { ...before.jobs, ...Object.fromEntries(jobs) } };
      const step: Step = {
        call,
        answer,
        before,
        after: view,
        nowMs: world.schedule.nowMs,
        holder: holderOf(world, call),
      };
      for (const check of checks) {
        const problem = check(step);
        if (problem !== undefined) throw new BrokenPromise(problem);
      }
    },
  };
}

function numberIn(view: View, id: string): number {
  return Number(view.jobs[id]?.record.seq ?? 0);
}

function holderOf(world: World, { about }: ScriptCall): string | undefined {
  if (about.job === undefined || about.index === undefined) return undefined;
  const member = memberOf(about.job, about.index);
  return [...world.bulls.values()].map((bull) => bull.holderOf(member)).find((token) => token !== undefined);
}
