import { createHash } from "node:crypto";
import { invariant, LIMITS } from "@latentfarm/contract";
import type { Redis } from "ioredis";
import { RELEASE_MAX } from "../../limits.js";
import { CLAIM, COMMIT, LEAVE, PROGRESS, SNAPSHOT, START } from "../../scripts/attempts.js";
import { ANNOUNCE, RETIRE } from "../../scripts/fleet.js";
import { CREATE } from "../../scripts/jobs.js";
import { RELEASE } from "../../scripts/release.js";
import type { Script } from "../../scripts/script.js";
import { BullModel, memberOf, type QueuedFrame } from "../simulation/bull-model.js";
import type { FrameOrder, OrderBooks, OrderedJob, OrderedTenant, TakenFrame } from "./frame-order.js";

/** The model that all frames are of; its name needs no encoding. */
const MODEL = "model";

const SCRIPTS = [CREATE, RELEASE, CLAIM, START, PROGRESS, SNAPSHOT, COMMIT, LEAVE, ANNOUNCE, RETIRE] as const;

/** How production reads the time, and what stands for it: the last argument. */
const CLOCKS: readonly (readonly [find: RegExp, replace: string])[] = [
  [
    /local time = redis\.call\('TIME'\)\n\s*return time\[1\] \* 1000 \+ math\.floor\(time\[2\] \/ 1000\)/,
    "return tonumber(ARGV[#ARGV])",
  ],
  [
    /local time = redis\.call\('TIME'\)\nlocal now = time\[1\] \* 1000 \+ math\.floor\(time\[2\] \/ 1000\)/,
    "local now = tonumber(ARGV[#ARGV])",
  ],
];

interface Call {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly nowMs: number;
}

/**
 * The order of frames as production makes it: its scripts in a real Redis, told the virtual time, with a model of BullMQ
 * beside them. It stands for frames/release-frames.ts and frames/consume-frames.ts of processes that never die between
 * two calls; packages/queue/src/testing/simulation plays those that do.
 */
export class PlayedOrder implements FrameOrder {
  readonly #redis: Redis;
  readonly #root: string;
  readonly #bull: BullModel;
  readonly #digests = new Map<string, string>();
  readonly #slots = new Map<string, number>();
  #tokens = 0;

  /** `root` keeps several orders in one Redis apart: a hash tag in braces. */
  constructor(redis: Redis, root: string) {
    this.#redis = redis;
    this.#root = root;
    this.#bull = new BullModel(`${root}:frames-${MODEL}:`, ([name, key, ...words]) => {
      void (name === "SET" ? redis.set(key, words[0] ?? "") : redis.del(key, ...words));
    });
  }

  /** Loads the scripts. @throws {Error} the place of the clock is gone from a script */
  async load(): Promise<void> {
    for (const script of SCRIPTS) {
      const lua = withVirtualClock(script);
      await this.#redis.script("LOAD", lua);
      this.#digests.set(script.name, createHash("sha1").update(lua).digest("hex"));
    }
  }

  async setTenant({ name, weight, runningFramesMax }: OrderedTenant): Promise<void> {
    const fields = { weight, running_frames_max: runningFramesMax };
    await this.#redis.hset(`${this.#root}:tenant:${name}`, fields);
  }

  async submit(job: OrderedJob, nowMs: number): Promise<void> {
    const { id, tenant, priority, frames, steps, stepUnits } = job;
    const head = [id, tenant, MODEL, priority, new Date(nowMs).toISOString(), frames, steps, stepUnits, "{}"];
    // Neither idempotency, expiry, webhook nor prediction, and no limits but the farm's.
    const rest = ["", 0, "", "", 0, 0, 0, 0, 0, LIMITS.farm_frames_max];
    const [answer] = await this.#run(CREATE, { keys: this.#jobKeys(id), args: [...head, ...rest], nowMs });
    invariant(answer === "created", `the order takes job ${id} in: it says ${answer}`);
    await this.#fill(nowMs);
  }

  async announce(worker: string, slots: number, nowMs: number): Promise<void> {
    this.#slots.set(worker, slots);
    // The heartbeats of the others, each of which production sends every five seconds.
    for (const [id, count] of this.#slots) {
      const names = ["workers", "", "models", "models-seen"].map((name) => `${this.#root}:fleet:${name}`);
      const keys = [names[0], `${this.#root}:worker:${id}`, names[2], names[3], `${this.#root}:store`];
      const args = [id, "{}", MODEL, "{}", MODEL, count, "-"];
      await this.#run(ANNOUNCE, { keys: [...keys.map(String), `${this.#root}:fleet:slots`], args, nowMs });
    }
    await this.#fill(nowMs);
  }

  async retire(worker: string, nowMs: number): Promise<void> {
    this.#slots.delete(worker);
    const keys = [
      `${this.#root}:fleet:workers`,
      `${this.#root}:worker:${worker}`,
      `${this.#root}:fleet:slots`,
    ];
    await this.#run(RETIRE, { keys, args: [worker], nowMs });
  }

  async take(worker: string, nowMs: number): Promise<TakenFrame | undefined> {
    const token = `${worker}:${this.#tokens++}`;
    const member = this.#bull.take(token, nowMs);
    if (member === undefined) return undefined;
    const [, job = "", number] = /^(.+)-(\d+)$/.exec(member) ?? [];
    const index = Number(number);
    const frame = { job, index, token, worker, attempt: 0, saved: 0 };
    const claim = await this.#frame(CLAIM, frame, { args: [index, token, worker, MODEL], nowMs });
    invariant(claim[0] === "claimed", `a frame that lies ready is claimed: ${member} is ${claim[0]}`);
    const taken = { ...frame, attempt: Number(claim[1]) };
    const [, saved] = await Promise.all([
      this.#say(START, taken, { args: [], nowMs }),
      this.#redis.hget(`${this.#root}:job:${job}`, `${index}:saved`),
    ]);
    await this.#fill(nowMs);
    return { ...taken, saved: Number(saved ?? 0) };
  }

  async progress(frame: TakenFrame, step: number, nowMs: number): Promise<void> {
    await this.#say(PROGRESS, frame, { args: [step, step], nowMs });
  }

  async save(frame: TakenFrame, step: number, nowMs: number): Promise<void> {
    await this.#say(SNAPSHOT, frame, { args: [step, "bytes"], nowMs });
  }

  async commit(frame: TakenFrame, nowMs: number): Promise<void> {
    const answer = await this.#say(COMMIT, frame, { args: ["{}"], nowMs });
    this.#bull.finish(memberOf(frame.job, frame.index), frame.token);
    if (answer.length > 2) await this.#fill(nowMs);
  }

  async giveBack(frame: TakenFrame, nowMs: number): Promise<void> {
    const args = ["{}", "interrupted", frame.worker, "{}"];
    const [to] = await this.#say(LEAVE, frame, { args, nowMs }, "resume");
    invariant(to === "resume", `an interrupted frame goes back: it is ${to}`);
    this.#bull.moveToWait(memberOf(frame.job, frame.index), frame.token);
  }

  async lose(frame: TakenFrame, _nowMs: number): Promise<void> {
    this.#bull.moveToWait(memberOf(frame.job, frame.index), frame.token);
  }

  async books(): Promise<OrderBooks> {
    const fields = ["cost", "done", "frames", "running"] as const;
    const [cost, done, frames, running] = await this.#redis.hmget(`${this.#root}:fair:${MODEL}`, ...fields);
    const openUnits = Math.max(0, Number(cost ?? 0) - Number(done ?? 0));
    return { openUnits, openFrames: Number(frames ?? 0), runningFrames: Number(running ?? 0) };
  }

  /** Releases until the window is full or nothing waits; stands for frames/release-frames.ts, fill(). */
  async #fill(nowMs: number): Promise<void> {
    for (;;) {
      const call = { keys: [`${this.#root}:fair:${MODEL}`], args: [MODEL, RELEASE_MAX], nowMs };
      const [outcome, ...rest] = await this.#run(RELEASE, call);
      const frames: QueuedFrame[] = [];
      for (let at = 0; at + 2 < rest.length; at += 3) {
        frames.push({ job: rest[at] ?? "", index: Number(rest[at + 1]), tag: Number(rest[at + 2]) });
      }
      this.#bull.add(frames);
      this.#bull.order(frames);
      if (outcome !== "more" && frames.length < RELEASE_MAX) return;
    }
  }

  #jobKeys(job: string): readonly [string, string] {
    return [`${this.#root}:job:${job}`, `${this.#root}:events:${job}`];
  }

  #frame(script: Script, frame: TakenFrame, call: Omit<Call, "keys">): Promise<readonly string[]> {
    const lock = `${this.#bull.prefix}${memberOf(frame.job, frame.index)}:lock`;
    const snapshot = `${this.#root}:snapshot:${frame.job}:${frame.index}`;
    return this.#run(script, { ...call, keys: [...this.#jobKeys(frame.job), lock, snapshot] });
  }

  async #say(script: Script, frame: TakenFrame, call: Omit<Call, "keys">, wanted = "ok") {
    const args = [frame.index, frame.attempt, frame.token, ...call.args];
    const answer = await this.#frame(script, frame, { ...call, args });
    invariant(
      answer[0] === wanted,
      `${script.name} of an attempt that stands is ${wanted}: it is ${answer[0]}`,
    );
    return answer;
  }

  async #run(script: Script, { keys, args, nowMs }: Call): Promise<readonly string[]> {
    const digest = this.#digests.get(script.name) ?? "";
    const answer: unknown = await this.#redis.evalsha(digest, keys.length, ...keys, ...args, nowMs);
    if (!Array.isArray(answer))
      throw new TypeError(`Cannot read the answer of ${script.name}: it is no list`);
    return answer.map(String);
  }
}

function withVirtualClock({ name, lua }: Script): string {
  const text = CLOCKS.reduce((rest, [find, replace]) => rest.replace(find, () => replace), lua);
  if (text.includes("redis.call('TIME')"))
    throw new Error(`Cannot take the clock's place as it is gone: script is ${name}`);
  return text;
}
