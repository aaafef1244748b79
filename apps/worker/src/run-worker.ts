import { setTimeout as delay } from "node:timers/promises";
import { FarmError, type FrameResult, type JobRecord } from "@latentfarm/contract";
import type { FrameConsumer, FrameWork } from "@latentfarm/queue";
import { writeSidecar } from "@latentfarm/storage";
import type { Metrics } from "@latentfarm/telemetry";
import type { WorkerContext } from "./context.js";
import { drawFrame } from "./draw-frame.js";
import { dropSnapshots } from "./drop-snapshots.js";
import { startHeartbeat } from "./heartbeat.js";
import { tellFailure, tellResult } from "./metrics/tell-frame.js";
import { createPatientStore } from "./patient-store.js";
import { keepDeletionCost } from "./pod/keep-deletion-cost.js";
import { handInLeftovers } from "./spool/hand-in.js";
import { holdClaims } from "./spool/hold-claims.js";

/** Milliseconds that a sick worker stays on the fleet's list: a scrape and a look by a person. */
const SICK_REST_MS = 60_000;

/** How a worker is run. */
export interface RunOptions {
  /** Aborts when the worker is asked to stop. */
  readonly stop: AbortSignal;
  /** Called once frames can arrive and the worker is announced, with the URL of the metrics where they are told. */
  readonly onReady: (metricsUrl?: string) => void;
}

/**
 * Takes frames until asked to stop, then drains: finishes what it can within `config.drainMs` and gives the rest back
 * with a snapshot each. With the abort's grace and the engine's own end the process is gone some 10 s after that.
 * @throws {FarmError} engine_unavailable the engine does not start again, after the drain: a new process may do better
 */
export async function runWorker(context: WorkerContext, options: RunOptions): Promise<void> {
  const { log, nowMs } = context;
  const broken = new AbortController();
  const onJobEnd = async (job: JobRecord) => {
    await dropSnapshots(context.store, job, log);
    const patience = { signal: options.stop, log, nowMs, place: { jobId: job.id } };
    await writeSidecar(createPatientStore(context.store, patience), job);
  };
  const { readiness } = context;
  readiness.tell("the worker starts");
  await using consumer = context.farm.consume({
    model: context.engine.info.model.name,
    workerId: context.config.id,
    concurrency: context.config.concurrency,
    process: (frame) => drawOrBreak(context, frame, broken),
    onJobEnd,
    onSick: (reason) => {
      readiness.tell("the worker is sick");
      void restWhenSick(context, { reason, stop: options.stop, broken });
    },
  });
  await using _keeper = context.farm.keep({ onJobEnd });
  await consumer.ready();
  using hold = holdClaims({ spool: context.spool, log }, consumer);
  await hold.look();
  await using _heartbeat = await startHeartbeat(context, consumer, hold);
  const waiting = { signal: options.stop, log, nowMs, place: {} };
  void handInLeftovers({ store: context.store, spool: context.spool }, waiting);
  tellConsumer(context.metrics, consumer);
  tellSpool(context.metrics, context.spool);
  using _cost = keepPodCost(context, consumer);
  readiness.tell(() => (hold.isHeld ? String(hold.reason) : undefined));
  options.onReady(context.metricsUrl);
  await aborted(AbortSignal.any([options.stop, broken.signal]));
  readiness.tell("the worker drains");
  log.info({ framesInFlight: consumer.active }, "worker drains");
  await consumer.drain(context.config.drainMs);
  if (broken.signal.aborted) throw broken.signal.reason;
}

/** Begins to keep the deletion cost of this worker's pod, where it runs in one. */
function keepPodCost(context: WorkerContext, consumer: Pick<FrameConsumer, "sickness">): Disposable {
  const ended = new AbortController();
  const { config, work, log, metrics } = context;
  if (config.pod !== undefined) {
    const stake = () => ({
      frames: work.frames,
      megapixelSteps: work.megapixelSteps,
      isSick: consumer.sickness !== null,
    });
    void keepDeletionCost({ pod: config.pod, stake, log, metrics, signal: ended.signal });
  }
  return { [Symbol.dispose]: () => ended.abort() };
}

/** Has the consumer looked at before each scrape. */
function tellConsumer(metrics: Metrics, consumer: Pick<FrameConsumer, "active" | "sickness">): void {
  metrics.onScrape(() => {
    metrics.set("farm_worker_frames", {}, consumer.active);
    metrics.set("farm_worker_sick", {}, consumer.sickness === null ? 0 : 1);
  });
}

/** Has the disk's unstored pictures counted before each scrape. */
function tellSpool(metrics: Metrics, spool: WorkerContext["spool"]): void {
  metrics.onScrape(async () => {
    const { files, bytes, isFull } = await spool.fill();
    metrics.set("farm_spool_pictures", {}, files);
    metrics.set("farm_spool_bytes", {}, bytes);
    metrics.set("farm_worker_held", {}, isFull ? 1 : 0);
  });
}

/**
 * A sick worker stays for a while without taking frames, so that the fleet's list says why, then ends as one whose engine
 * is broken: whoever supervises it starts a new one, and waits longer each time.
 */
async function restWhenSick(
  { log }: WorkerContext,
  rest: { readonly reason: string; readonly stop: AbortSignal; readonly broken: AbortController },
): Promise<void> {
  await delay(SICK_REST_MS, undefined, { signal: rest.stop, ref: false }).catch(() => undefined);
  log.error({ reason: rest.reason }, "sick worker ends");
  rest.broken.abort(
    new FarmError("engine_unavailable", `Cannot go on as the worker is sick: it ${rest.reason}`),
  );
}

async function drawOrBreak(
  context: WorkerContext,
  frame: FrameWork,
  broken: AbortController,
): Promise<FrameResult> {
  const { metrics, engine } = context;
  const model = engine.info.model.name;
  context.work.begin(frame, frame.params);
  try {
    const result = await drawFrame(context, frame);
    tellResult(metrics, frame, { model, result });
    return result;
  } catch (error) {
    tellFailure(metrics, frame, { model, error });
    const cause = error instanceof FarmError ? error.cause : undefined;
    if (cause instanceof FarmError && cause.code === "engine_unavailable") broken.abort(cause);
    throw error;
  } finally {
    context.work.end(frame);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
