import type { RenderedFrame } from "@latentfarm/engine";
import type { TraceContext, Tracing } from "@latentfarm/telemetry";

/**
 * Makes the spans of a frame's parts below the active one, once its picture has come from the engine: text, steps with
 * links to the batches that they were in, and the VAE.
 */
export function tracePicture(
  tracing: Tracing,
  picture: Pick<RenderedFrame, "moments" | "resumed_from_step">,
  batches: readonly TraceContext[],
): void {
  if (!tracing.isOn) return;
  const doneMs = Date.now();
  const { text_begun, steps_begun, steps_done, vae_begun } = picture.moments;
  tracing.start("text", { startMs: doneMs - text_begun }).end(doneMs - steps_begun);
  const resumed = picture.resumed_from_step;
  const steps = tracing.start("steps", {
    startMs: doneMs - steps_begun,
    links: batches,
    attributes: resumed > 0 ? { "farm.frame.resumed_from_step": resumed } : {},
  });
  steps.end(doneMs - steps_done);
  tracing.start("decode", { startMs: doneMs - vae_begun }).end(doneMs);
}
