import { setTimeout as delay } from "node:timers/promises";
import { FarmError, frameCost, invariant, isTerminal, type JobId, type Status } from "@latentfarm/contract";
import { type Job as QueueEntry, UnrecoverableError, WaitingError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { countUp } from "../estimate/count-up.js";
import { WorkRate } from "../estimate/work-rate.js";
import type { ConsumeOptions, FrameConsumer, QueueLog } from "../farm.js";
import { readJob } from "../jobs/job-record.js";
import { markFiled } from "../jobs/keep-farm.js";
import type { SubmitContext } from "../jobs/submit-job.js";
import { CANCEL_CHANNEL, frameQueueName, PREFIX, placeOfFrame, recordKeyOfFrame } from "../keys.js";
import {
  ABORT_GRACE_MS,
  BOOKKEEPING_RETRY_MS,
  BULLMQ_STALLED_MAX,
  CLOSE_MS_MAX,
  IDLE_BLOCK_SECONDS,
  LOCK_MS,
  STALLED_CHECK_MS,
} from "../limits.js";
import { isConnectionLoss } from "../redis/errors.js";
import type { Signals } from "../redis/signals.js";
import { createBullTelemetry } from "../tracing/bull-telemetry.js";
import { fileInTrace } from "../tracing/file-in-trace.js";
import { inTraceOf } from "../tracing/in-trace-of.js";
import { traceAttempt } from "../tracing/trace-attempt.js";
import { type AttemptKey, claimFrame, FrameAttempt } from "./frame-attempt.js";
import type { FrameEntry } from "./frame-queues.js";
import { SickWatch } from "./sick-watch.js";

/** What a consumer needs around it. */
export interface ConsumerContext extends SubmitContext {
  readonly signals: Signals;
  readonly log: QueueLog;
  /** Opens the connection that waits for Redis until `closing` aborts; the consumer owns it. */
  readonly openWorkerConnection: (closing: AbortSignal) => Redis;
}

const TRACED_QUEUE = { destination: "frames", span: "process_frame" } as const;

/** Begins to take frames of one model; see FrameConsumer. */
export function consumeFrames(context: ConsumerContext, options: ConsumeOptions): FrameConsumer {
  return new BullFrameConsumer(context, options);
}

/**
 * BullMQ owns order, locks, stalls and the delay of retries; the job's record says what a frame's state is. The
 * record is always written first: whatever is lost after that, a later claim finds the frame ended and drops it.
 */
class BullFrameConsumer implements FrameConsumer {
  readonly #context: ConsumerContext;
  readonly #options: ConsumeOptions;
  readonly #attempts = new Map<string, FrameAttempt>();
  readonly #closing = new AbortController();
  readonly #connection: Redis;
  readonly #worker: Worker<FrameEntry, void>;
  readonly #leaveChannel: () => void;
  readonly #rate = new WorkRate(() => performance.now());
  readonly #sick = new SickWatch();
  #idle: (() => void) | undefined;
  #inFlight = 0;
  #drained: Promise<void> | undefined;

  constructor(context: ConsumerContext, options: ConsumeOptions) {
    this.#context = context;
    this.#options = options;
    this.#connection = context.openWorkerConnection(this.#closing.signal);
    this.#leaveChannel = context.signals.listen(CANCEL_CHANNEL, (id) => this.#cancel(id));
    this.#worker = this.#openWorker();
  }

  get active(): number {
    return this.#inFlight;
  }

  get rate(): number | null {
    return this.#rate.value;
  }

  get sickness(): string | null {
    return this.#sick.reason;
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  async hold(): Promise<void> {
    await this.#worker.pause(true);
  }

  /** A sick worker and one that drains stay paused. */
  async resume(): Promise<void> {
    if (this.#drained === undefined && this.#sick.reason === null) await this.#worker.resume();
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  #openWorker(): Worker<FrameEntry, void> {
    const { model, concurrency } = this.#options;
    const { tracing, log } = this.#context;
    const worker = new Worker<FrameEntry, void>(
      frameQueueName(model),
      (entry, token) => this.#process(entry, token),
      {
        connection: this.#connection,
        prefix: PREFIX,
        concurrency,
        lockDuration: LOCK_MS,
        stalledInterval: STALLED_CHECK_MS,
        maxStalledCount: BULLMQ_STALLED_MAX,
        drainDelay: IDLE_BLOCK_SECONDS,
        runRetryDelay: BOOKKEEPING_RETRY_MS,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
        ...(tracing.isOn && { telemetry: createBullTelemetry(tracing, TRACED_QUEUE) }),
      },
    );
    worker.on("error", (error) => {
      if (!isConnectionLoss(error)) log.warn({ model, err: error }, "frame worker reports an error");
    });
    worker.on("stalled", (id) => {
      const tell = () => log.warn({ ...placeOfFrame(id), model }, "frame lost its worker and waits again");
      void inTraceOf(this.#context, recordKeyOfFrame(id), tell);
    });
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) this.#attempts.get(id)?.abort("interrupted", "the lock is lost");
    });
    return worker;
  }

  async #process(entry: QueueEntry<FrameEntry, void>, token: string | undefined): Promise<void> {
    invariant(
      token !== undefined && entry.id !== undefined,
      "BullMQ gives an id and a token with every entry",
    );
    this.#inFlight++;
    try {
      await this.#attempt(entry, token);
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#idle?.();
    }
  }

  async #attempt(entry: QueueEntry<FrameEntry, void>, token: string): Promise<void> {
    const { model, workerId } = this.#options;
    const key: AttemptKey = { ...entry.data, model, workerId, token };
    const { redis, log, releaser, tracing } = this.#context;
    const onRoom = (held: string) => releaser.poke(held);
    const around = { redis, log, closing: this.#closing.signal, onRoom };
    const claim = await claimFrame(around, key);
    // The place of the claimed frame among those that lie ready is free.
    releaser.poke(model);
    // An ended job is told again: whoever ended it may have died before saying so.
    if (claim.kind === "done") return this.#afterFrame(key.jobId, claim.jobStatus);
    const attempt = new FrameAttempt(around, key, claim);
    const place = entry.opts.telemetry?.metadata ?? "";
    traceAttempt(tracing, attempt, { place, model, workerId });
    const id = `${entry.id}`;
    this.#attempts.set(id, attempt);
    if (this.#closing.signal.aborted) attempt.abort("interrupted", "the worker stops");
    try {
      await this.#run(entry, token, attempt);
    } finally {
      this.#attempts.delete(id);
    }
  }

  async #run(entry: QueueEntry<FrameEntry, void>, token: string, attempt: FrameAttempt): Promise<void> {
    const { tracing } = this.#context;
    const span = tracing.current();
    let status: Status;
    let drawn = 0;
    this.#rate.begin();
    try {
      const result = await this.#options.process(attempt);
      // What an earlier attempt had stored was not drawn by this worker, and says nothing of how well or fast it is.
      if (result.attempt === attempt.attempt) drawn = frameCost(attempt.params);
      status = await tracing.span("commit", {}, () => attempt.commit(result));
      span.set({ "farm.frame.outcome": drawn > 0 ? "drawn" : "found" });
      if (drawn > 0) this.#sick.succeeded();
    } catch (error) {
      const failure = failureOf(attempt, error);
      span.set({ "farm.frame.outcome": failure.code });
      span.fail(failure.code);
      status = await this.#leave(entry, token, { attempt, failure });
    } finally {
      this.#rate.end(drawn);
    }
    await this.#afterFrame(attempt.jobId, status);
  }

  /** Ends a failed attempt: gives the job's status when the frame has ended, and throws what BullMQ acts upon else. */
  async #leave(
    entry: QueueEntry<FrameEntry, void>,
    token: string,
    end: { readonly attempt: FrameAttempt; readonly failure: FarmError },
  ): Promise<Status> {
    const { attempt, failure } = end;
    const interrupted = failure.code === "interrupted";
    const kind = interrupted ? "interrupted" : failure.retryable ? "passing" : "lasting";
    const { to, jobStatus } = await attempt.leave(kind, failure);
    if (to === "canceled") return jobStatus;
    const place = { jobId: attempt.jobId, index: attempt.index, attempt: attempt.attempt };
    const fields = { ...place, code: failure.code, to, reason: failure.message };
    this.#context.log.warn(fields, "frame attempt ended without a picture");
    await this.#watchHealth(attempt.jobId, failure);
    if (to === "failed") {
      await this.#afterFrame(attempt.jobId, jobStatus);
      throw new UnrecoverableError(failure.message);
    }
    if (to === "restart") throw failure;
    await entry.moveToWait(token);
    throw new WaitingError();
  }

  /** A worker that fails for one job after the other takes no more: the frames are not to blame. */
  async #watchHealth(jobId: JobId, failure: FarmError): Promise<void> {
    if (!this.#sick.failed(jobId, failure.code)) return;
    const { model, workerId } = this.#options;
    const reason = String(this.#sick.reason);
    this.#context.log.error({ model, worker: workerId, reason }, "worker is sick and takes no more frames");
    this.#options.onSick?.(reason);
    await countUp(this.#context.redis, "workers_sick").catch(() => undefined);
    // Not waited for: the frames that are in flight end through here.
    this.#worker.pause(true).catch(() => undefined);
  }

  async #afterFrame(id: JobId, status: Status | undefined): Promise<void> {
    const { onJobEnd } = this.#options;
    if (status === undefined || !isTerminal(status) || onJobEnd === undefined) return;
    try {
      const job = await readJob(this.#context.redis, id);
      if (job === undefined || job.finished_at === null) return;
      await fileInTrace(this.#context, job, onJobEnd);
      await markFiled(this.#context, id, String(Date.parse(job.finished_at)));
    } catch (error) {
      this.#context.log.error({ jobId: id, err: error }, "end of the job not handled");
    }
  }

  #cancel(id: string): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.jobId === id) attempt.abort("canceled", "the job is canceled");
    }
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#worker.pause(true);
    await this.#idleWithin(deadlineMs);
    this.#closing.abort();
    for (const attempt of this.#attempts.values()) attempt.abort("interrupted", "the worker stops");
    await this.#idleWithin(ABORT_GRACE_MS);
    this.#leaveChannel();
    // Forced when an attempt did not stop or Redis is away; the lock then runs out and another worker takes the frame.
    const closed = this.#worker.close(this.#inFlight > 0 || this.#connection.status !== "ready");
    await Promise.race([closed.catch(() => undefined), delay(CLOSE_MS_MAX, undefined, { ref: false })]);
    // What did not close by then is cut, both connections of BullMQ: an open one keeps the process alive.
    this.#worker.disconnect().catch(() => undefined);
    this.#connection.disconnect();
  }

  async #idleWithin(ms: number): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#idle = undefined;
  }
}

/** What an attempt's end means: the reason of its own signal before anything that came of it. */
function failureOf(attempt: FrameAttempt, error: unknown): FarmError {
  if (attempt.signal.aborted && attempt.signal.reason instanceof FarmError) return attempt.signal.reason;
  if (error instanceof FarmError) return error;
  return new FarmError("internal", "Cannot draw the frame as the worker has a fault", { cause: error });
}
