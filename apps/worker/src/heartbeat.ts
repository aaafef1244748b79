import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { WorkerInfo } from "@latentfarm/contract";
import { type FrameConsumer, HEARTBEAT_MS } from "@latentfarm/queue";
import type { WorkerContext } from "./context.js";
import type { ClaimHold } from "./spool/hold-claims.js";

/** Milliseconds to leave the fleet's list: who does not is struck off it for its silence. */
const RETIRE_MS_MAX = 2_000;

/** A running heartbeat; disposing of it retires the worker. */
export type Heartbeat = AsyncDisposable;

/**
 * Announces the worker now and every `HEARTBEAT_MS`. A missed one is logged: the queue may be away, and is told again
 * when it is back.
 * @throws {FarmError} queue_unavailable the first one fails: nobody would know of this worker
 */
export async function startHeartbeat(
  context: WorkerContext,
  consumer: FrameConsumer,
  hold: Pick<ClaimHold, "reason" | "isHeld">,
): Promise<Heartbeat> {
  const startedAt = new Date(context.nowMs()).toISOString();
  const announce = () => context.farm.announceWorker(describe(context, { consumer, hold }, startedAt));
  await announce();
  const timer = setInterval(() => {
    announce().catch((error) => context.log.warn({ err: error }, "heartbeat missed"));
  }, HEARTBEAT_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      const retired = context.farm
        .retireWorker(context.config.id)
        .catch((error) => context.log.warn({ err: error }, "worker not retired"));
      await Promise.race([retired, delay(RETIRE_MS_MAX, undefined, { ref: false })]);
    },
  };
}

function describe(
  context: WorkerContext,
  {
    consumer,
    hold,
  }: { readonly consumer: FrameConsumer; readonly hold: Pick<ClaimHold, "reason" | "isHeld"> },
  startedAt: string,
): WorkerInfo {
  const { engine, config } = context;
  return {
    id: config.id,
    host: hostname(),
    pid: process.pid,
    engine_pid: engine.info.pid,
    model: engine.info.model,
    plan: engine.info.plan,
    concurrency: config.concurrency,
    frames_in_flight: consumer.active,
    rate: consumer.rate,
    health: consumer.sickness !== null ? "sick" : hold.isHeld ? "waiting" : "well",
    health_reason: consumer.sickness ?? hold.reason,
    started_at: startedAt,
    seen_at: new Date(context.nowMs()).toISOString(),
  };
}
