import { type Tracing, tenantClassOf } from "@latentfarm/telemetry";
import type { FrameWork } from "../farm.js";

/**
 * Says in the active span which attempt it is, and tells the wait before the first one, which ends with it. `place` is the
 * job's.
 */
export function traceAttempt(
  tracing: Tracing,
  frame: Pick<FrameWork, "jobId" | "index" | "attempt" | "tenant" | "params" | "queueMs">,
  at: { readonly place: string; readonly model: string; readonly workerId: string },
): void {
  if (!tracing.isOn) return;
  const own = {
    "farm.job.id": frame.jobId,
    "farm.frame.index": frame.index,
    "farm.frame.attempt": frame.attempt,
    "farm.worker.id": at.workerId,
  } as const;
  tracing.current().set({
    ...own,
    "farm.frame.steps": frame.params.steps,
    "farm.model": at.model,
    "farm.tenant.class": tenantClassOf(frame.tenant),
  });
  const parent = tracing.read(at.place);
  if (frame.attempt > 1 || parent === undefined) return;
  const nowMs = Date.now();
  tracing.start("wait", { parent, startMs: nowMs - frame.queueMs, attributes: own }).end(nowMs);
}
