import {
  FarmError,
  type FrameResult,
  frameParams,
  invariant,
  type JobId,
  type JobParams,
  jobParamsSchema,
  type Status,
  statusSchema,
} from "@latentfarm/contract";
import type { Redis } from "ioredis";
import type { FrameWork, QueueLog } from "../farm.js";
import {
  frameLockKey,
  frameSnapshotKey,
  jobEventsKey,
  jobRecordKey,
  modelOfQueue,
  queueModel,
} from "../keys.js";
import { POISON_WORKERS, SNAPSHOT_BYTES_MAX } from "../limits.js";
import { bounded } from "../redis/errors.js";
import { persist } from "../redis/persist.js";
import { runScript, type ScriptArgument } from "../redis/run-script.js";
import { CLAIM, COMMIT, LEAVE, PREVIEW, PROGRESS, SNAPSHOT, START } from "../scripts/attempts.js";
import type { Script } from "../scripts/script.js";
import { shownFailure } from "./shown-failure.js";

/** What names an attempt: the frame, and BullMQ's token, which is in the lock as long as the attempt holds it. */
export interface AttemptKey {
  readonly jobId: JobId;
  readonly index: number;
  readonly model: string;
  readonly token: string;
  readonly workerId: string;
}

/** What an attempt needs around it. */
export interface AttemptContext {
  readonly redis: Redis;
  readonly log: QueueLog;
  /** Aborts when the consumer closes: then nothing waits for Redis any more. */
  readonly closing: AbortSignal;
  /** Has the window of a model looked at: an attempt's end made room for frames of it that were held back. */
  readonly onRoom: (model: string) => void;
}

/** The answer to a claim: an attempt, or nothing to do (`jobStatus` is absent when the job is not known any more). */
export type Claim =
  | {
      readonly kind: "claimed";
      readonly attempt: number;
      readonly queueMs: number;
      readonly tenant: string;
      readonly params: JobParams;
    }
  | { readonly kind: "done"; readonly jobStatus?: Status };

/**
 * Begins an attempt in the job's record.
 * @throws {FarmError} interrupted the lock is gone; queue_unavailable
 */
export async function claimFrame(context: AttemptContext, key: AttemptKey): Promise<Claim> {
  const call = { keys: scriptKeys(key), args: [key.index, key.token, key.workerId, queueModel(key.model)] };
  const [outcome, first, second, tenant, params] = await persist(
    () => runScript(context.redis, CLAIM, call),
    context.closing,
  );
  if (outcome === "lost") throw lostLock(key);
  if (outcome === "claimed") {
    invariant(tenant !== undefined && params !== undefined, "a claim names the tenant and the parameters");
    const attempt = { attempt: Number(first), queueMs: Number(second), tenant };
    return { kind: "claimed", ...attempt, params: jobParamsSchema.parse(JSON.parse(params)) };
  }
  return first === undefined ? { kind: "done" } : { kind: "done", jobStatus: statusSchema.parse(first) };
}

/** What becomes of a frame whose attempt ended without a result, and its job's status. */
export interface Leaving {
  readonly to: "resume" | "restart" | "failed" | "canceled";
  readonly jobStatus: Status;
}

/** One attempt at one frame; every word it says is fenced by its number and its lock. */
export class FrameAttempt implements FrameWork {
  readonly jobId: JobId;
  readonly index: number;
  readonly attempt: number;
  readonly queueMs: number;
  readonly params: FrameWork["params"];
  readonly tenant: string;
  readonly priority: FrameWork["priority"];
  readonly #context: AttemptContext;
  readonly #key: AttemptKey;
  readonly #controller = new AbortController();

  constructor(context: AttemptContext, key: AttemptKey, claim: Claim & { kind: "claimed" }) {
    this.jobId = key.jobId;
    this.index = key.index;
    this.attempt = claim.attempt;
    this.queueMs = claim.queueMs;
    this.params = frameParams(claim.params, key.index);
    this.tenant = claim.tenant;
    this.priority = claim.params.priority;
    this.#context = context;
    this.#key = key;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Stops the attempt at its next step; the first reason stands. */
  abort(code: "canceled" | "interrupted", why: string): void {
    if (this.signal.aborted) return;
    const place = `frame ${this.index} of ${this.jobId}`;
    this.#controller.abort(
      new FarmError(code, `Cannot go on with ${place} as it is ${code}: reason is ${why}`),
    );
  }

  async started(): Promise<void> {
    this.#obey((await this.#say(START, []))[0]);
    this.signal.throwIfAborted();
  }

  progress(step: number, steps: number): Promise<void> {
    return this.#tell(PROGRESS, [step, steps]);
  }

  preview(jpegBase64: string): Promise<void> {
    return this.#tell(PREVIEW, [jpegBase64]);
  }

  async loadSnapshot(): Promise<Uint8Array | undefined> {
    const key = frameSnapshotKey(this.jobId, this.index);
    const bytes = await persist(
      () => bounded("read the snapshot", () => this.#context.redis.getBuffer(key)),
      this.#context.closing,
    );
    return bytes ?? undefined;
  }

  async saveSnapshot(bytes: Uint8Array, step: number): Promise<void> {
    if (bytes.length > SNAPSHOT_BYTES_MAX) {
      throw new RangeError(`Cannot keep the snapshot in Redis: bytes is ${bytes.length}`);
    }
    const copy = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#obey((await this.#run(SNAPSHOT, [step, copy]))[0]);
  }

  /**
   * Writes the result down and gives the job's status after it.
   * @throws {FarmError} interrupted the attempt is superseded or lost its lock; queue_unavailable
   */
  async commit(result: FrameResult): Promise<Status> {
    const [outcome, status, ...freed] = await this.#say(COMMIT, [JSON.stringify(result)]);
    if (outcome === "lost") throw lostLock(this.#key);
    this.#tellRoom(freed);
    return statusSchema.parse(status);
  }

  /**
   * Ends the attempt without a result. What it was decides, with the budget of its kind, what becomes of the frame:
   * `interrupted` goes back and is gone on with, `passing` begins anew, `lasting` fails.
   * @throws {FarmError} interrupted the attempt is superseded or lost its lock; queue_unavailable
   */
  async leave(kind: "interrupted" | "passing" | "lasting", failure: FarmError): Promise<Leaving> {
    const poison = new FarmError(
      "poisoned",
      `Cannot draw the frame on any of ${POISON_WORKERS} workers: last failure is ${failure.code}`,
    );
    const [to, status, ...freed] = await this.#say(LEAVE, [
      JSON.stringify(shownFailure(failure)),
      kind,
      this.#key.workerId,
      JSON.stringify(shownFailure(poison)),
    ]);
    if (to !== "resume" && to !== "restart" && to !== "failed" && to !== "canceled")
      throw lostLock(this.#key);
    this.#tellRoom(freed);
    return { to, jobStatus: statusSchema.parse(status) };
  }

  #tellRoom(models: readonly string[]): void {
    for (const model of models) this.#context.onRoom(modelOfQueue(model));
  }

  #say(script: Script, args: readonly ScriptArgument[]): Promise<readonly [string, ...string[]]> {
    return persist(() => this.#run(script, args), this.#context.closing);
  }

  async #tell(script: Script, args: readonly ScriptArgument[]): Promise<void> {
    if (this.signal.aborted) return;
    try {
      this.#obey((await this.#run(script, args))[0]);
    } catch (error) {
      // A connection tells its own loss, once; here it would be a line per step and frame.
      if (error instanceof FarmError && error.code === "queue_unavailable") return;
      const fields = { jobId: this.jobId, index: this.index, err: error };
      this.#context.log.warn(fields, "progress not told");
    }
  }

  #run(script: Script, args: readonly ScriptArgument[]): Promise<readonly [string, ...string[]]> {
    const call = { keys: scriptKeys(this.#key), args: [this.index, this.attempt, this.#key.token, ...args] };
    return runScript(this.#context.redis, script, call);
  }

  /** A cancellation or a lost lock is also learned from the answers, in case the message about it was lost. */
  #obey(standing: string): void {
    if (standing === "canceled") this.abort("canceled", "the job is canceled");
    if (standing === "lost") this.abort("interrupted", "the lock is lost");
  }
}

function scriptKeys(key: AttemptKey): readonly string[] {
  const { jobId, index, model } = key;
  return [
    jobRecordKey(jobId),
    jobEventsKey(jobId),
    frameLockKey(model, jobId, index),
    frameSnapshotKey(jobId, index),
  ];
}

function lostLock(key: AttemptKey): FarmError {
  return new FarmError(
    "interrupted",
    `Cannot speak for frame ${key.index} of ${key.jobId} as its lock is lost`,
  );
}
