import type { Redis } from "ioredis";
import { BullModel, type MirrorCommand } from "./bull-model.js";
import { decodeObservation, type Observation } from "./observation.js";
import type { Plan } from "./plan.js";
import { type Random, seededRandom } from "./random.js";
import { Schedule } from "./schedule.js";
import type { LoadedScripts, ScriptName } from "./virtual-scripts.js";

/** What a call is about, for those who judge it. */
export interface Subject {
  readonly job?: string;
  readonly index?: number;
  readonly attempt?: number;
  readonly token?: string;
  readonly snapshot?: string;
}

/** A call of a script. */
export interface ScriptCall {
  readonly kind: "script";
  readonly name: ScriptName;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly about: Subject;
}

/** What an actor asks of the world: a call that the network may harm, or time. */
export type Wish =
  | ScriptCall
  | {
      readonly kind: "bull";
      readonly what: () => string;
      readonly act: () => readonly string[];
      readonly isTold: boolean;
    }
  | { readonly kind: "command"; readonly words: readonly string[] }
  | { readonly kind: "sleep"; readonly ms: number };

/** What comes back: `heard` is false when the caller is told a failure, whatever has happened. */
export interface Reply {
  readonly heard: boolean;
  readonly answer: readonly string[];
}

/** The steps of an actor between its wishes. */
export type Steps<T = void> = Generator<Wish, T, Reply>;

/** A process: what runs in it dies and freezes together. */
export interface Process {
  readonly name: string;
  /** What it begins with, at its start and after each crash. */
  readonly boot: () => readonly Steps[];
  generation: number;
  frozenUntilMs: number;
  /** Models whose window is looked at, and those to be looked at again. */
  readonly releasing: Set<string>;
  readonly poked: Set<string>;
}

/** A finished call, for the judge. */
export interface Done {
  readonly call: ScriptCall;
  readonly answer: readonly string[];
  readonly seen: Observation;
}

/** Deliberate bugs of the actors, each in what stands for the production file that it names. */
export const ACTOR_BUGS = {
  "jobs/keep-farm.ts: strays are not looked for": "no-strays",
  "jobs/keep-farm.ts: a job is struck off before its history is written": "struck-off-early",
  "frames/consume-frames.ts: BullMQ is told of the end before the record": "told-early",
  "webhooks/outbox.ts: an event leaves the outbox before its delivery is written": "outbox-early",
} as const;

/** A deliberate bug of an actor. */
export type ActorBug = (typeof ACTOR_BUGS)[keyof typeof ACTOR_BUGS];

/** A broken promise of the state machine. */
export class BrokenPromise extends Error {
  override readonly name = "BrokenPromise";
}

/** An attempt in a worker's hands. */
export interface Hold {
  readonly job: string;
  readonly member: string;
  readonly token: string;
  ended: boolean;
  /** Why it is to stop at its next step. */
  abort: "canceled" | "interrupted" | undefined;
}

/** The first virtual millisecond: a date like any other. */
const START_MS = 1_800_000_000_000;

/** Lines of the trace that are kept when nobody asked for all. */
const TRACE_MAX = 40;

const NOBODY: Reply = { heard: false, answer: [] };

/** One seed's world: its clock, its processes, its network and its queue. */
export class World {
  readonly root: string;
  readonly random: Random;
  readonly plan: Plan;
  readonly bug: ActorBug | undefined;
  readonly schedule = new Schedule(START_MS);
  readonly bulls: ReadonlyMap<string, BullModel>;
  readonly holds = new Set<Hold>();
  /** Webhook events that a courier has taken over, by member of the outbox. */
  readonly delivered: Set<string>;
  /** Ends of jobs whose history was written, as `job|milliseconds`. */
  readonly filed = new Set<string>();
  readonly processes: Process[] = [];
  /** Clients that have not said all they have to say. */
  clients = 0;
  calls = 0;
  isFaulty: boolean;
  readonly #redis: Redis;
  readonly #scripts: LoadedScripts;
  readonly #judge: (done: Done) => void;
  readonly #wanted: (call: ScriptCall) => string;
  readonly #keepsTrace: boolean;
  readonly #trace: { readonly atMs: number; readonly line: () => string }[] = [];

  constructor(options: {
    readonly seed: number;
    readonly plan: Plan;
    readonly redis: Redis;
    readonly scripts: LoadedScripts;
    readonly judge: (done: Done) => void;
    readonly wanted: (call: ScriptCall) => string;
    readonly keepsTrace: boolean;
    readonly delivered: Set<string>;
    readonly bug: ActorBug | undefined;
  }) {
    const { seed, plan } = options;
    this.root = `{sim${seed}}`;
    this.random = seededRandom(seed + 0x5eed);
    this.plan = plan;
    this.isFaulty = plan.faultRate > 0;
    this.delivered = options.delivered;
    this.bug = options.bug;
    this.#redis = options.redis;
    this.#scripts = options.scripts;
    this.#judge = options.judge;
    this.#wanted = options.wanted;
    this.#keepsTrace = options.keepsTrace;
    const mirror = (command: MirrorCommand) => this.mirror(command);
    this.bulls = new Map(
      plan.models.map((model) => [model, new BullModel(`${this.root}:frames-${model}:`, mirror)]),
    );
  }

  /** Virtual milliseconds since the start. */
  get elapsedMs(): number {
    return this.schedule.nowMs - START_MS;
  }

  /** A model's queue. */
  bull(model: string): BullModel {
    const bull = this.bulls.get(model);
    if (bull === undefined) throw new RangeError(`Cannot find the queue of a model: model is ${model}`);
    return bull;
  }

  /** Writes what the scripts see of BullMQ, before whatever is asked of Redis next. */
  mirror(command: MirrorCommand): void {
    const [name, key, ...words] = command;
    void (name === "SET" ? this.#redis.set(key, words[0] ?? "") : this.#redis.del(key, ...words));
  }

  /** Adds a line to the trace; it is written out only if someone reads it. */
  note(line: () => string): void {
    this.#trace.push({ atMs: this.elapsedMs, line });
    if (!this.#keepsTrace && this.#trace.length > TRACE_MAX) this.#trace.shift();
  }

  /** What happened last, or all that happened if the trace is kept. */
  readTrace(): readonly string[] {
    return this.#trace.map(({ atMs, line }) => `${String(atMs).padStart(7)} ms  ${line()}`);
  }

  /** Starts a process. */
  start(name: string, boot: () => readonly Steps[]): Process {
    const process = {
      name,
      boot,
      generation: 0,
      frozenUntilMs: 0,
      releasing: new Set<string>(),
      poked: new Set<string>(),
    };
    this.processes.push(process);
    for (const steps of boot()) this.spawn(process, steps);
    return process;
  }

  /** Kills a process: its actors say nothing more; it is started again after a while. */
  crash(process: Process): void {
    this.note(() => `${process.name} crashes`);
    const generation = ++process.generation;
    process.releasing.clear();
    process.poked.clear();
    for (const hold of this.holds) {
      if (hold.token.startsWith(`${process.name}:`)) this.holds.delete(hold);
    }
    this.schedule.after(this.random.between(300, 8_000), () => {
      if (process.generation !== generation) return;
      this.note(() => `${process.name} starts again`);
      for (const steps of process.boot()) this.spawn(process, steps);
    });
  }

  /** Lets an actor run in a process, from now on. */
  spawn(process: Process, steps: Steps): void {
    const { generation } = process;
    const resume = (reply: Reply): void => {
      if (process.generation !== generation) return;
      if (process.frozenUntilMs > this.schedule.nowMs) {
        this.schedule.after(process.frozenUntilMs - this.schedule.nowMs, () => resume(reply));
        return;
      }
      const { done, value } = steps.next(reply);
      if (done !== true) this.#grant(process, value, resume);
    };
    this.schedule.after(0, () => resume(NOBODY));
  }

  /** Carries a wish out, with the harm that the network does to it. */
  #grant(process: Process, wish: Wish, resume: (reply: Reply) => void): void {
    const { random, schedule } = this;
    if (wish.kind === "sleep") {
      schedule.after(wish.ms, () => resume(NOBODY));
      return;
    }
    const harm = this.isFaulty && random.chance(this.plan.faultRate) ? random.pick(HARMS) : "none";
    const fail = (from: number) => schedule.after(random.between(from, 5_000), () => resume(NOBODY));
    const run = async () => void (await this.#carryOut(process, wish, harm));
    if (harm === "lost") {
      this.note(() => `${process.name} ${describeWish(wish)} is lost`);
      fail(10);
    } else if (harm === "unheard") {
      schedule.after(this.#wayMs(), run);
      fail(20);
    } else if (harm === "late") {
      schedule.after(random.between(1_000, 40_000), run);
      fail(500);
    } else {
      if (harm === "twice") schedule.after(random.between(10, 15_000), run);
      schedule.after(this.#wayMs(), async () => {
        const answer = await this.#carryOut(process, wish, harm);
        schedule.after(this.#wayMs(), () => resume({ heard: true, answer }));
      });
    }
  }

  /** Milliseconds of a message on its way, which is slow now and then: so messages overtake each other. */
  #wayMs(): number {
    const { random } = this;
    return random.between(1, 15) + (this.isFaulty && random.chance(0.05) ? random.between(100, 3_000) : 0);
  }

  async #carryOut(process: Process, wish: Wish, harm: string): Promise<readonly string[]> {
    for (const bull of this.bulls.values()) bull.expireLocks(this.schedule.nowMs);
    const told = harm === "none" ? "" : ` (${harm})`;
    if (wish.kind === "bull") {
      const answer = wish.act();
      if (answer.length > 0 || wish.isTold)
        this.note(() => `${process.name} ${wish.what()}${told} -> ${answer.join(" ")}`);
      return answer;
    }
    this.calls++;
    if (wish.kind === "command") {
      const [name = "PING", ...words] = wish.words;
      const raw = await this.#redis.call(name, ...words);
      // Redis's newer protocol pairs members with their scores.
      const list: readonly unknown[] = Array.isArray(raw) ? raw.flat() : [raw];
      return list.map((one) => (one === null ? "" : String(one)));
    }
    if (wish.kind === "sleep") return [];
    const { name, keys, args } = wish;
    const raw = await this.#redis.evalsha(
      this.#scripts[name],
      keys.length,
      ...keys,
      ...args,
      this.#wanted(wish),
      this.schedule.nowMs,
    );
    if (!Array.isArray(raw)) throw new TypeError(`Cannot read the answer of ${name}: it is no list`);
    const [seen, ok, list] = raw;
    const answer: readonly string[] = Array.isArray(list) ? list.map(String) : [String(list)];
    this.note(() => `${process.name} ${describeWish(wish)}${told} -> ${answer.slice(0, 8).join(" ")}`);
    if (ok !== 1)
      throw new BrokenPromise(`${name} runs without an error of Redis: it says ${answer.join(" ")}`);
    this.#judge({ call: wish, answer, seen: decodeObservation(String(seen)) });
    return answer;
  }
}

/**
 * What may come to a message: it is lost; it has its effect and its sender is told a failure; it comes after its sender was
 * told a failure; it comes twice, the second time late.
 */
const HARMS = ["lost", "unheard", "unheard", "late", "twice"] as const;

function describeWish(wish: Wish): string {
  if (wish.kind === "bull") return wish.what();
  if (wish.kind === "sleep") return "sleeps";
  if (wish.kind === "command") return wish.words.join(" ");
  const { job, index, attempt, token } = wish.about;
  const frame = index === undefined ? "" : ` frame ${index}`;
  const by = attempt === undefined ? "" : ` attempt ${attempt}`;
  return `${wish.name} ${job ?? ""}${frame}${by}${token === undefined ? "" : ` token ${token}`}`;
}
