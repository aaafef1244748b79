import { FRAME_PRIORITY, LOCK_MS, RETRY_DELAY_MS, TAG_BASE } from "../../limits.js";

/** A frame on its way into the queue. */
export interface QueuedFrame {
  readonly job: string;
  readonly index: number;
  readonly tag: number;
}

interface Entry {
  state: "waiting" | "active" | "delayed";
  score: number;
  token: string | undefined;
  lockedUntilMs: number;
  delayedUntilMs: number;
  tries: number;
}

/** A command that puts into Redis what the scripts see of BullMQ: its jobs' keys and its locks. */
export type MirrorCommand = readonly ["SET" | "DEL", string, ...string[]];

/** The member under which BullMQ knows a frame. */
export function memberOf(job: string, index: number): string {
  return `${job}-${index}`;
}

/**
 * One model's queue as BullMQ keeps it, by virtual time: a waiting set by score, an active list, locks that run out, the
 * look for stalled entries, delays before retries. What an answer is lost of has happened all the same.
 * Source: taskforcesh/bullmq, src/commands (addJobWithPriority, moveToActive, moveToFinished, moveStalledJobsToWait).
 */
export class BullModel {
  readonly prefix: string;
  readonly #entries = new Map<string, Entry>();
  readonly #mirror: (command: MirrorCommand) => void;
  #order = 0;

  constructor(prefix: string, mirror: (command: MirrorCommand) => void) {
    this.prefix = prefix;
    this.#mirror = mirror;
  }

  /** Entries of any state. */
  get size(): number {
    return this.#entries.size;
  }

  /** Adds frames; those that are there stay as they are. */
  add(frames: readonly QueuedFrame[]): void {
    for (const { job, index } of frames) {
      const member = memberOf(job, index);
      if (this.#entries.has(member)) continue;
      const entry: Entry = {
        state: "waiting",
        score: this.#front(),
        token: undefined,
        lockedUntilMs: 0,
        delayedUntilMs: 0,
        tries: 0,
      };
      this.#entries.set(member, entry);
      this.#mirror(["SET", this.prefix + member, "1"]);
    }
  }

  /** Gives waiting frames their virtual start times as scores. */
  order(frames: readonly QueuedFrame[]): void {
    for (const { job, index, tag } of frames) {
      const entry = this.#entries.get(memberOf(job, index));
      if (entry?.state === "waiting") entry.score = TAG_BASE + tag;
    }
  }

  /** Takes the waiting entry of the least score and locks it. */
  take(token: string, nowMs: number): string | undefined {
    let best: string | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [member, entry] of this.#entries) {
      if (entry.state === "delayed" && entry.delayedUntilMs <= nowMs) this.#wait(entry);
      if (entry.state !== "waiting" || entry.score >= least) continue;
      best = member;
      least = entry.score;
    }
    const entry = best === undefined ? undefined : this.#entries.get(best);
    if (best === undefined || entry === undefined) return undefined;
    entry.state = "active";
    entry.token = token;
    entry.lockedUntilMs = nowMs + LOCK_MS;
    this.#mirror(["SET", this.#lock(best), token]);
    return best;
  }

  /** Prolongs a lock; false when it is gone or another's. */
  renew(member: string, token: string, nowMs: number): boolean {
    const entry = this.#held(member, token);
    if (entry === undefined) return false;
    entry.lockedUntilMs = nowMs + LOCK_MS;
    return true;
  }

  /** Takes an entry out whose processing has ended for good; nothing happens without its lock. */
  finish(member: string, token: string): void {
    if (this.#held(member, token) !== undefined) this.#delete(member);
  }

  /** Has an entry wait for its next try, longer from time to time; nothing happens without its lock. */
  retryLater(member: string, token: string, nowMs: number): void {
    const entry = this.#held(member, token);
    if (entry === undefined) return;
    entry.state = "delayed";
    entry.tries++;
    entry.delayedUntilMs = nowMs + RETRY_DELAY_MS * 2 ** (entry.tries - 1);
    this.#unlock(member, entry);
  }

  /** Gives an entry back to be taken at once; nothing happens without its lock. */
  moveToWait(member: string, token: string): void {
    const entry = this.#held(member, token);
    if (entry === undefined) return;
    this.#wait(entry);
    this.#unlock(member, entry);
  }

  /** Takes an entry out that no lock protects. */
  remove(member: string): void {
    if (this.#entries.get(member)?.token === undefined && this.#entries.has(member)) this.#delete(member);
  }

  /** Lets locks run out whose time has come. */
  expireLocks(nowMs: number): void {
    for (const [member, entry] of this.#entries) {
      if (entry.token !== undefined && entry.lockedUntilMs <= nowMs) this.#unlock(member, entry);
    }
  }

  /** Puts active entries without a lock back among the waiting. */
  recoverStalled(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === "active" && entry.token === undefined) this.#wait(entry);
    }
  }

  /** The token that an entry is locked with now. */
  holderOf(member: string): string | undefined {
    return this.#entries.get(member)?.token;
  }

  #wait(entry: Entry): void {
    entry.state = "waiting";
    entry.score = this.#front();
  }

  #front(): number {
    return FRAME_PRIORITY * 2 ** 32 + this.#order++;
  }

  #held(member: string, token: string): Entry | undefined {
    const entry = this.#entries.get(member);
    return entry?.state === "active" && entry.token === token ? entry : undefined;
  }

  #lock(member: string): string {
    return `${this.prefix}${member}:lock`;
  }

  #unlock(member: string, entry: Entry): void {
    entry.token = undefined;
    this.#mirror(["DEL", this.#lock(member)]);
  }

  #delete(member: string): void {
    this.#entries.delete(member);
    this.#mirror(["DEL", this.prefix + member, this.#lock(member)]);
  }
}
