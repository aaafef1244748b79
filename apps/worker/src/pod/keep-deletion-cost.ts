import { setTimeout as delay } from "node:timers/promises";
import type { Logger, Metrics } from "@latentfarm/telemetry";
import { deletionCost, type PodStake } from "./deletion-cost.js";
import { type PatchResult, type PodIdentity, patchDeletionCost } from "./patch-pod.js";

/** Milliseconds between two looks, and so the least between two updates. */
export const LOOK_MS = 10_000;
/** Milliseconds between tries of an API server that refuses or is away; doubles from `LOOK_MS` up to this. */
export const RETRY_MS_MAX = 300_000;

/** What keeping the cost needs. */
export interface CostKeeping {
  readonly pod: PodIdentity;
  readonly stake: () => PodStake;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly metrics: Metrics;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly patch?: (pod: PodIdentity, cost: number, signal: AbortSignal) => Promise<PatchResult>;
  /** Waits; a real wait by default. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * Keeps the pod's deletion cost up to date until the signal aborts, apart from every frame; never rejects. The first update
 * comes at once, since a container that was started again does not know what the one before has left. What fails is told once
 * and tried ever more seldom: the annotation is advice, and a farm works without it.
 */
export async function keepDeletionCost(keeping: CostKeeping): Promise<void> {
  const { pod, stake, log, metrics, signal, patch = patchDeletionCost, wait = waitFor } = keeping;
  let written: number | undefined;
  let failure: string | undefined;
  let retryMs = LOOK_MS;
  while (!signal.aborted) {
    const cost = deletionCost(stake());
    let pauseMs = LOOK_MS;
    if (cost !== written) {
      const { outcome, reason, retryAfterMs = 0 } = await patch(pod, cost, signal);
      if (signal.aborted) return;
      metrics.count("farm_pod_cost_updates_total", { outcome });
      if (outcome === "updated") {
        metrics.set("farm_pod_deletion_cost", {}, cost);
        if (failure !== undefined) log.info({ cost }, "pod deletion cost is kept again");
        [written, failure, retryMs] = [cost, undefined, LOOK_MS];
      } else {
        const now = `${outcome}: ${reason}`;
        if (now !== failure) log.warn({ outcome, reason }, "pod deletion cost cannot be written");
        failure = now;
        pauseMs = Math.min(Math.max(retryMs, retryAfterMs), RETRY_MS_MAX);
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
      }
    }
    await wait(pauseMs, signal).catch(() => undefined);
  }
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal, ref: false });
}
