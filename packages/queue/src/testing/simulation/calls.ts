import { memberOf, type QueuedFrame } from "./bull-model.js";
import type { ScriptName } from "./virtual-scripts.js";
import type { Reply, ScriptCall, Steps, Subject, World } from "./world.js";

/** Milliseconds between tries to say something that must be said; stands for redis/persist.ts. */
const PERSIST_MS = 500;

/** Tries before an actor gives up; production gives up after five minutes. */
const PERSIST_TRIES_MAX = 60;

/** Calls a script once. */
export function* runScript(call: Omit<ScriptCall, "kind">): Steps<Reply> {
  return yield { kind: "script", ...call };
}

/** Calls a script until it is heard; undefined when that never came. */
export function* persistScript(call: Omit<ScriptCall, "kind">): Steps<readonly string[] | undefined> {
  for (let tries = 0; tries < PERSIST_TRIES_MAX; tries++) {
    const { heard, answer } = yield { kind: "script", ...call };
    if (heard) return answer;
    yield { kind: "sleep", ms: PERSIST_MS };
  }
  return undefined;
}

/** Sends one command to Redis; undefined when the answer is not heard. */
export function* command(...words: readonly string[]): Steps<readonly string[] | undefined> {
  const { heard, answer } = yield { kind: "command", words };
  return heard ? answer : undefined;
}

/** Says something to BullMQ; undefined when the answer is not heard. What gives an answer is told only with one. */
export function* tellBull(
  what: () => string,
  act: () => readonly string[],
  isTold = true,
): Steps<readonly string[] | undefined> {
  const { heard, answer } = yield { kind: "bull", what, act, isTold };
  return heard ? answer : undefined;
}

/** Lets time pass. */
export function* sleep(ms: number): Steps {
  yield { kind: "sleep", ms };
}

/** A call of a script about a job as a whole. */
export function jobCall(
  world: World,
  name: ScriptName,
  call: {
    readonly job: string;
    readonly keys?: readonly string[];
    readonly args?: readonly (string | number)[];
  },
): Omit<ScriptCall, "kind"> {
  const { job, keys = [], args = [] } = call;
  const own = [`${world.root}:job:${job}`, `${world.root}:events:${job}`];
  return { name, keys: [...own, ...keys], args, about: { job } };
}

/** A call of a script about one frame, with its lock and its snapshot. */
export function frameCall(
  world: World,
  name: ScriptName,
  call: { readonly model: string; readonly about: Subject; readonly args: readonly (string | number)[] },
): Omit<ScriptCall, "kind"> {
  const { job = "", index = 0 } = call.about;
  const snapshot = `${world.root}:snapshot:${job}:${index}`;
  const keys = [
    `${world.root}:job:${job}`,
    `${world.root}:events:${job}`,
    `${world.bull(call.model).prefix}${memberOf(job, index)}:lock`,
    snapshot,
  ];
  return { name, keys, args: call.args, about: { ...call.about, snapshot } };
}

/** Hands frames to BullMQ in two steps, each of which may come to harm; stands for frames/frame-queues.ts, add(). */
export function* queueFrames(world: World, model: string, frames: readonly QueuedFrame[]): Steps<boolean> {
  if (frames.length === 0) return true;
  const bull = world.bull(model);
  const names = frames.map(({ job, index }) => memberOf(job, index)).join(",");
  const isWhole = !world.isFaulty || !world.random.chance(0.1);
  const some = isWhole ? frames : frames.slice(0, world.random.between(0, frames.length));
  const added = yield* tellBull(
    () => `bull.add ${names}`,
    () => {
      bull.add(some);
      return [];
    },
  );
  if (added === undefined || !isWhole) return false;
  const ordered = yield* tellBull(
    () => `bull.order ${names}`,
    () => {
      bull.order(frames);
      return [];
    },
  );
  return ordered !== undefined;
}

/** The frames that RELEASE and STRAYS name. */
export function framesOf(answer: readonly string[]): readonly QueuedFrame[] {
  const frames: QueuedFrame[] = [];
  for (let at = 1; at + 2 < answer.length; at += 3) {
    frames.push({ job: answer[at] ?? "", index: Number(answer[at + 1]), tag: Number(answer[at + 2]) });
  }
  return frames;
}
