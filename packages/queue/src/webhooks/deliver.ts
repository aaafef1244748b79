import { setTimeout as delay } from "node:timers/promises";
import { invariant } from "@latentfarm/contract";
import type { Tracing } from "@latentfarm/telemetry";
import { DelayedError, type Job as QueueEntry, WaitingError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import type { QueueLog } from "../farm.js";
import { PREFIX } from "../keys.js";
import {
  ABORT_GRACE_MS,
  BOOKKEEPING_RETRY_MS,
  BULLMQ_STALLED_MAX,
  CLOSE_MS_MAX,
  IDLE_BLOCK_SECONDS,
  LOCK_MS,
  STALLED_CHECK_MS,
} from "../limits.js";
import { bounded, isConnectionLoss } from "../redis/errors.js";
import { persist } from "../redis/persist.js";
import type { Signals } from "../redis/signals.js";
import { createBullTelemetry } from "../tracing/bull-telemetry.js";
import { inTraceOf } from "../tracing/in-trace-of.js";
import type { DeliveryQueue } from "./delivery-queue.js";
import {
  dueLines,
  releaseLine,
  type Settlement,
  settleDelivery,
  type TakenDelivery,
  type Turn,
  takeDelivery,
} from "./delivery-turn.js";
import { DELIVERY_POLICY, type DeliveryPolicy } from "./endpoint-health.js";
import { Outbox } from "./outbox.js";
import { type Poller, startPoller } from "./poller.js";
import { DELIVERY_QUEUE, deliveryKey, leaseKeys, OUTBOX_KEY } from "./webhook-keys.js";
import { OUTBOX_POLL_MS } from "./webhook-limits.js";
import type { DeliverOptions, DeliveryConsumer, DeliveryOutcome } from "./webhook-store.js";

/** What a consumer of deliveries needs around it. */
export interface DeliverContext {
  readonly redis: Redis;
  readonly signals: Signals;
  readonly log: QueueLog;
  readonly tracing: Tracing;
  readonly queue: DeliveryQueue;
  /** Opens the connection that waits for Redis until `closing` aborts; the consumer owns it. */
  readonly openWorkerConnection: (closing: AbortSignal) => Redis;
}

/** Begins to take deliveries; see DeliveryConsumer. */
export function consumeDeliveries(context: DeliverContext, options: DeliverOptions): DeliveryConsumer {
  return new BullDeliveryConsumer(context, options);
}

const TRACED_QUEUE = { destination: "deliveries", span: "process_delivery" } as const;

type Entry = QueueEntry<Turn, void>;

/**
 * The delivery's record says what it is and when it is due; BullMQ keeps the time and the lock. The record is always
 * written first: a turn that comes again after that, or too early, learns from it what is left to do.
 */
class BullDeliveryConsumer implements DeliveryConsumer {
  readonly #context: DeliverContext;
  readonly #options: DeliverOptions;
  readonly #policy: DeliveryPolicy;
  readonly #outbox: Outbox;
  readonly #poller: Poller;
  readonly #connection: Redis;
  readonly #worker: Worker<Turn, void>;
  readonly #leaveChannel: () => void;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #drained: Promise<void> | undefined;

  constructor(context: DeliverContext, options: DeliverOptions) {
    const { redis, log, signals, tracing } = context;
    this.#context = context;
    this.#options = options;
    const { scheduleMs = DELIVERY_POLICY.scheduleMs, breaker = DELIVERY_POLICY.breaker } = options;
    this.#policy = { ...DELIVERY_POLICY, scheduleMs, breaker };
    this.#outbox = new Outbox({ redis, log, tracing, publicUrl: options.publicUrl ?? "" });
    this.#connection = context.openWorkerConnection(this.#closing.signal);
    this.#worker = this.#openWorker();
    this.#poller = startPoller({
      name: "deliveries",
      intervalMs: OUTBOX_POLL_MS,
      log,
      run: () => this.#handOn(),
    });
    this.#leaveChannel = signals.listen(OUTBOX_KEY, () => this.#poller.wake());
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  drain(deadlineMs: number): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  /** Events become deliveries, deliveries go to BullMQ, and what waits on endpoints goes on: all that is there to do. */
  async #handOn(): Promise<void> {
    let made: number;
    do {
      made = await this.#outbox.fileSome();
      await this.#releaseLines();
      made += await this.#context.queue.queueSome();
    } while (made > 0 && !this.#closing.signal.aborted);
  }

  async #releaseLines(): Promise<void> {
    const { redis } = this.#context;
    await Promise.all((await dueLines(redis)).map((endpoint) => releaseLine(redis, endpoint)));
  }

  #openWorker(): Worker<Turn, void> {
    const { log, tracing } = this.#context;
    const worker = new Worker<Turn, void>(DELIVERY_QUEUE, (entry, token) => this.#process(entry, token), {
      connection: this.#connection,
      prefix: PREFIX,
      concurrency: this.#options.concurrency,
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: BULLMQ_STALLED_MAX,
      drainDelay: IDLE_BLOCK_SECONDS,
      runRetryDelay: BOOKKEEPING_RETRY_MS,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
      ...(tracing.isOn && { telemetry: createBullTelemetry(tracing, TRACED_QUEUE) }),
    });
    worker.on("error", (error) => {
      if (!isConnectionLoss(error)) log.warn({ err: error }, "delivery worker reports an error");
    });
    worker.on("stalled", (id) => {
      const tell = () => log.warn({ turn: id }, "delivery lost its courier and is taken again");
      void inTraceOf(this.#context, deliveryKey(id.slice(0, id.lastIndexOf("-"))), tell);
    });
    return worker;
  }

  async #process(entry: Entry, token: string | undefined): Promise<void> {
    invariant(token !== undefined, "BullMQ gives a token with every entry");
    const done = this.#take(entry, token);
    const tracked = done.catch(() => undefined);
    this.#underWay.add(tracked);
    try {
      await done;
    } finally {
      this.#underWay.delete(tracked);
    }
  }

  async #take(entry: Entry, token: string): Promise<void> {
    const { redis, log, tracing } = this.#context;
    // A look for work that was under way when the drain began may still bring some.
    if (this.#drained !== undefined) return backToWait(entry, token);
    const taken = await persist(() => takeDelivery(redis, entry.data), this.#closing.signal);
    if (taken.kind === "wait") return putOff(entry, token, taken.ms);
    if (taken.kind === "dead") log.warn({ delivery: entry.data.id }, "delivery died with its endpoint");
    if (taken.kind !== "go") return;
    const { id, attempt } = taken.work;
    tracing.current().set({ "farm.delivery.id": id, "farm.delivery.attempt": attempt });
    const started = performance.now();
    const outcome = await this.#send(taken);
    if (outcome === undefined) return this.#giveBack(entry, token, taken);
    const nowMs = taken.takenMs + Math.round(performance.now() - started);
    const settled = await persist(
      () =>
        settleDelivery(
          redis,
          { ...entry.data, round: taken.round, outcome },
          { health: taken.health, nowMs, policy: this.#policy },
        ),
      this.#closing.signal,
    );
    this.#tell(taken, settled);
    if (settled.inLine > 0) await this.#goOn(taken.work.endpoint);
    if (settled.verdict === "retry") await putOff(entry, token, settled.delayMs);
  }

  /** The outcome of an attempt; undefined when it was cut off by the courier's own end and says nothing. */
  async #send(taken: TakenDelivery): Promise<DeliveryOutcome | undefined> {
    const { signal } = this.#closing;
    const at = new Date().toISOString();
    const started = performance.now();
    try {
      const outcome = await this.#options.send({ ...taken.work, signal });
      return signal.aborted && outcome.error !== null ? undefined : outcome;
    } catch (error) {
      if (signal.aborted) return undefined;
      // A fault of ours; the schedule goes on, so that one such delivery does not spin.
      this.#context.log.error(
        { jobId: taken.work.jobId, delivery: taken.work.id, err: error },
        "delivery attempt has a fault",
      );
      const duration_ms = Math.round(performance.now() - started);
      const fault = { code: "internal", message: "Cannot send the delivery as the courier has a fault" };
      return { at, status: null, duration_ms, error: fault, retry_after_seconds: null };
    }
  }

  /** Returns an attempt that says nothing: no attempt is counted, the place is free, the next courier takes it at once. */
  async #giveBack(entry: Entry, token: string, { work }: TakenDelivery): Promise<void> {
    const leases = leaseKeys(work.endpoint, work.tenant);
    await bounded("give the place back", () =>
      Promise.all(leases.map((key) => this.#context.redis.zrem(key, work.id))),
    );
    await backToWait(entry, token);
  }

  /** The place that an attempt had goes to the next in line. */
  async #goOn(endpoint: string): Promise<void> {
    try {
      if ((await releaseLine(this.#context.redis, endpoint)) > 0) await this.#context.queue.queueSome();
    } catch {
      // The poller looks at every line as well.
    }
  }

  #tell(taken: TakenDelivery, { verdict, disabled }: Settlement): void {
    const { id, jobId, endpoint, attempt } = taken.work;
    const fields = { jobId, delivery: id, endpoint, attempt };
    if (disabled !== null) this.#context.log.warn({ ...fields, disabled }, "webhook endpoint is disabled");
    if (verdict === "dead") this.#context.log.warn(fields, "delivery is given up");
  }

  async #drain(deadlineMs: number): Promise<void> {
    await this.#worker.pause(true);
    this.#leaveChannel();
    const polled = this.#poller[Symbol.asyncDispose]();
    await this.#idleWithin(deadlineMs);
    this.#closing.abort();
    await this.#idleWithin(ABORT_GRACE_MS);
    await polled;
    const isForced = this.#underWay.size > 0 || this.#connection.status !== "ready";
    const closed = this.#worker.close(isForced);
    await Promise.race([closed.catch(() => undefined), delay(CLOSE_MS_MAX, undefined, { ref: false })]);
    // What did not close by then is cut, both connections of BullMQ: an open one keeps the process alive.
    this.#worker.disconnect().catch(() => undefined);
    this.#connection.disconnect();
  }

  async #idleWithin(ms: number): Promise<void> {
    const timer = new AbortController();
    const late = delay(ms, undefined, { signal: timer.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#underWay), late]);
    timer.abort();
  }
}

/** Gives a turn back to BullMQ for the next courier; no try of BullMQ's is counted. */
async function backToWait(entry: Entry, token: string): Promise<never> {
  await entry.moveToWait(token);
  throw new WaitingError();
}

/** Gives a turn back to BullMQ until it is due; no try of BullMQ's is counted. */
async function putOff(entry: Entry, token: string, ms: number): Promise<never> {
  await entry.moveToDelayed(Date.now() + ms, token);
  throw new DelayedError();
}
