import { isTerminal, statusSchema } from "@latentfarm/contract";
import { LOCK_MS, STALLED_CHECK_MS } from "../../limits.js";
import { command, frameCall, jobCall, persistScript, runScript, sleep, tellBull } from "./calls.js";
import type { WorkerPlan } from "./plan.js";
import { poke } from "./releaser.js";
import type { Hold, Process, Steps, Subject, World } from "./world.js";

/** A worker, the one of its plan, in its process. */
interface Hands {
  readonly world: World;
  readonly plan: WorkerPlan;
  readonly process: Process;
  readonly hold: Hold;
  readonly index: number;
}

/** What an attempt comes to. */
type Outcome = "drawn" | "passing" | "lasting" | "interrupted";

/** Starts a worker; stands for frames/consume-frames.ts and frames/frame-attempt.ts. */
export function startWorker(world: World, plan: WorkerPlan): Process {
  let tokens = 0;
  const boot = (): readonly Steps[] => [
    ...Array.from({ length: plan.slots }, () => takeFrames(world, plan, () => `${plan.name}:${tokens++}`)),
    watchStalled(world, plan),
  ];
  return world.start(plan.name, boot);
}

function* watchStalled(world: World, { model }: WorkerPlan): Steps {
  const bull = world.bull(model);
  for (;;) {
    yield* sleep(STALLED_CHECK_MS);
    yield* tellBull(
      () => "bull.recoverStalled",
      () => {
        bull.recoverStalled();
        return [];
      },
      false,
    );
  }
}

function* takeFrames(world: World, plan: WorkerPlan, nextToken: () => string): Steps {
  const bull = world.bull(plan.model);
  for (;;) {
    const token = nextToken();
    const taken = yield* tellBull(
      () => `bull.take ${token}`,
      () => {
        const member = bull.take(token, world.schedule.nowMs);
        return member === undefined ? [] : [member];
      },
      false,
    );
    const [, job, index] = /^(.+)-(\d+)$/.exec(taken?.[0] ?? "") ?? [];
    const process = world.processes.find(({ name }) => name === plan.name);
    if (job === undefined || process === undefined) {
      yield* sleep(world.random.between(200, 3_000));
      continue;
    }
    const hold: Hold = { job, member: `${job}-${index}`, token, ended: false, abort: undefined };
    world.holds.add(hold);
    world.spawn(process, keepLock(world, plan.model, hold));
    const act = yield* attemptFrame({ world, plan, process, hold, index: Number(index) });
    hold.ended = true;
    world.holds.delete(hold);
    yield* tellBull(
      () => `bull.${act} ${hold.member} ${token}`,
      () => {
        bull[act](hold.member, token, world.schedule.nowMs);
        return [];
      },
    );
  }
}

function* keepLock(world: World, model: string, hold: Hold): Steps {
  const bull = world.bull(model);
  while (!hold.ended) {
    yield* sleep(LOCK_MS / 2);
    if (hold.ended) return;
    const answer = yield* tellBull(
      () => `bull.renew ${hold.member} ${hold.token}`,
      () => [String(bull.renew(hold.member, hold.token, world.schedule.nowMs))],
    );
    if (answer?.[0] === "false") hold.abort ??= "interrupted";
  }
}

/** One attempt from its claim to its end; gives what BullMQ is told. */
function* attemptFrame(hands: Hands): Steps<"finish" | "retryLater" | "moveToWait"> {
  const { world, plan, process, hold, index } = hands;
  const claim = yield* persistScript(
    frameCall(world, "claim", {
      model: plan.model,
      about: { job: hold.job, index, token: hold.token },
      args: [index, hold.token, plan.name, plan.model],
    }),
  );
  if (claim === undefined || claim[0] === "lost") return "retryLater";
  poke(world, process, plan.model);
  if (claim[0] !== "claimed") {
    yield* afterFrame(world, hold.job, claim[1]);
    return "finish";
  }
  const about = { job: hold.job, index, attempt: Number(claim[1]), token: hold.token };
  let outcome = yield* draw(hands, about);
  if (outcome === "drawn") {
    if (world.bug === "told-early") yield* finish(hands);
    const result = `{"index":${index},"attempt":${about.attempt},"by":"${hold.token}"}`;
    const committed = yield* persistScript(say(hands, about, "commit", [result]));
    if (committed?.[0] === "ok") {
      pokeFreed(hands, committed);
      yield* afterFrame(world, hold.job, committed[1]);
      return "finish";
    }
    outcome = committed === undefined ? "passing" : "interrupted";
  }
  return yield* leave(hands, about, outcome);
}

/** What production must not do before the record has it. */
function* finish({ world, plan, hold }: Hands): Steps {
  yield* tellBull(
    () => `bull.finish ${hold.member} ${hold.token}`,
    () => {
      world.bull(plan.model).finish(hold.member, hold.token);
      return [];
    },
  );
}

function say(
  { world, plan }: Hands,
  about: Subject,
  name: "start" | "progress" | "preview" | "snapshot" | "commit" | "leave",
  args: readonly (string | number)[] = [],
) {
  const { index = 0, attempt = 0, token = "" } = about;
  return frameCall(world, name, { model: plan.model, about, args: [index, attempt, token, ...args] });
}

function obey(hold: Hold, standing: string | undefined): void {
  if (standing === "canceled") hold.abort ??= "canceled";
  if (standing === "lost") hold.abort ??= "interrupted";
}

/** Draws the steps that are left, telling of them; ends early when told to. */
function* draw(hands: Hands, about: Subject): Steps<Outcome> {
  const { world, hold, process } = hands;
  const job = world.plan.jobs.find(({ name }) => hold.job.startsWith(`${name}x`));
  if (job === undefined) throw new RangeError(`Cannot draw a job that nobody planned: job is ${hold.job}`);
  const saved = yield* command("GET", about.snapshot ?? `${world.root}:snapshot:${hold.job}:${hands.index}`);
  const started = yield* persistScript(say(hands, about, "start"));
  if (started === undefined) return "passing";
  obey(hold, started[0]);
  const { random } = world;
  const stepMs = world.plan.isFairness ? 200 : random.between(100, 1_200);
  for (let step = Number(saved?.[0]?.split(":")[0] ?? 0) + 1; step <= job.steps; step++) {
    if (hold.abort !== undefined) break;
    yield* sleep(stepMs);
    if (job.fate.isDeadly && step === job.steps) {
      world.crash(process);
      yield* sleep(0);
    }
    if (random.chance(job.fate.passing / job.steps)) return "passing";
    if (random.chance(job.fate.lasting / job.steps)) return "lasting";
    if (random.chance(job.fate.interrupted / job.steps)) return "interrupted";
    yield* tell(hands, about, { step, steps: job.steps });
  }
  if (hold.abort === "interrupted") return "interrupted";
  return hold.abort === "canceled" ? "lasting" : "drawn";
}

function* tell(hands: Hands, about: Subject, at: { readonly step: number; readonly steps: number }): Steps {
  const { world, hold } = hands;
  const told = yield* runScript(say(hands, about, "progress", [at.step, at.steps]));
  if (told.heard) obey(hold, told.answer[0]);
  if (world.plan.isFairness || hold.abort !== undefined) return;
  if (world.random.chance(0.3)) {
    const { heard, answer } = yield* runScript(say(hands, about, "preview", ["AAAA"]));
    if (heard) obey(hold, answer[0]);
  }
  if (world.random.chance(0.4) && hold.abort === undefined) {
    const bytes = `${at.step}:${about.attempt}:${hold.token}`;
    const { heard, answer } = yield* runScript(say(hands, about, "snapshot", [at.step, bytes]));
    if (heard) obey(hold, answer[0]);
  }
}

/** Ends an attempt without a result; a canceled one says so as one that fails for good, as production does. */
function* leave(
  hands: Hands,
  about: Subject,
  outcome: Outcome,
): Steps<"finish" | "retryLater" | "moveToWait"> {
  const { world, plan, hold } = hands;
  const kind = outcome === "drawn" ? "interrupted" : outcome;
  const failure = '{"code":"internal","message":"planned"}';
  const poison = '{"code":"poisoned","message":"planned"}';
  const left = yield* persistScript(say(hands, about, "leave", [failure, kind, plan.name, poison]));
  const to = left?.[0];
  pokeFreed(hands, left ?? []);
  if (to === "resume") return "moveToWait";
  if (to !== "failed" && to !== "canceled") return "retryLater";
  yield* afterFrame(world, hold.job, left?.[1]);
  return "finish";
}

/** An end makes room for frames of the models that its answer names. */
function pokeFreed({ world, process }: Hands, answer: readonly string[]): void {
  for (const model of answer.slice(2)) poke(world, process, model);
}

/** Has the history of an ended job written. */
export function* afterFrame(world: World, job: string, status: string | undefined): Steps {
  if (status === undefined || status === "" || !isTerminal(statusSchema.parse(status))) return;
  const ended = yield* command("HGET", `${world.root}:job:${job}`, "finished_ms");
  const endedMs = ended?.[0] ?? "";
  if (endedMs !== "") yield* fileJob(world, job, endedMs);
}

/** Writes the history of a job that has ended at the given time, then strikes it off; stands for markFiled(). */
export function* fileJob(world: World, job: string, endedMs: string): Steps {
  const isEarly = world.bug === "struck-off-early";
  if (!isEarly) world.filed.add(`${job}|${endedMs}`);
  const { heard } = yield* runScript(jobCall(world, "filed", { job, args: [endedMs] }));
  if (isEarly && heard) world.filed.add(`${job}|${endedMs}`);
}
