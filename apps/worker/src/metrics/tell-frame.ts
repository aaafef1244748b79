import { FarmError, type FrameResult, frameCost } from "@latentfarm/contract";
import type { ResumeOutcome } from "@latentfarm/engine";
import type { FrameWork } from "@latentfarm/queue";
import { type AttemptOutcome, type Metrics, tenantClassOf } from "@latentfarm/telemetry";

const MS_PER_SECOND = 1_000;

/** What of a frame is told. */
export type ToldFrame = Pick<FrameWork, "attempt" | "params" | "tenant">;

/** Counts an attempt that ended with a picture: drawn by it, or found where an earlier one had stored it. */
export function tellResult(
  metrics: Metrics,
  frame: ToldFrame,
  drawn: { model: string; result: FrameResult },
): void {
  const { model, result } = drawn;
  const tenantClass = tenantClassOf(frame.tenant);
  const outcome = result.attempt === frame.attempt ? "drawn" : "found";
  metrics.count("farm_frame_attempts_total", { outcome, tenant_class: tenantClass, model });
  // What is found was told by the worker that drew it, unless that died before it could.
  if (outcome === "found") return;
  const { timings, resumed_from_step: resumed = 0 } = result;
  const { width, height, steps } = frame.params;
  const cost = frameCost({ width, height, steps: Math.max(0, steps - resumed) });
  metrics.count("farm_cost_megapixel_steps_total", { tenant_class: tenantClass, model }, cost);
  metrics.observe("farm_frame_seconds", { model }, timings.total_ms / MS_PER_SECOND);
  const phases = [
    ["queue", timings.queue_ms],
    ["text", timings.text_ms],
    ["step", timings.steps_ms],
    ["vae", timings.vae_ms],
    ["encode", timings.encode_ms],
    ["upload", timings.upload_ms],
  ] as const;
  for (const [phase, ms] of phases)
    metrics.observe("farm_phase_seconds", { phase, model }, ms / MS_PER_SECOND);
}

/** Counts an attempt that ended without a picture. */
export function tellFailure(
  metrics: Metrics,
  frame: ToldFrame,
  failed: { model: string; error: unknown },
): void {
  const { model, error } = failed;
  const labels = { outcome: outcomeOf(error), tenant_class: tenantClassOf(frame.tenant), model };
  metrics.count("farm_frame_attempts_total", labels);
}

/** Counts what became of a snapshot; the steps that were not drawn again are what it saved. */
export function tellResume(metrics: Metrics, outcome: ResumeOutcome): void {
  metrics.count("farm_resumes_total", { outcome: outcome.kind });
  if (outcome.kind === "resumed") metrics.count("farm_resumed_steps_total", {}, outcome.step);
}

function outcomeOf(error: unknown): AttemptOutcome {
  const code = error instanceof FarmError ? error.code : undefined;
  // A job past its time is ended as one that its client gave up.
  if (code === "canceled" || code === "expired") return "canceled";
  return code === "interrupted" ? "interrupted" : "failed";
}
